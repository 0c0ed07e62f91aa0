//! `ip_in_cidr(address, network)`: whether an address is in a network.

use std::net::IpAddr;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::datatypes::DataType;
use datafusion::common::exec_err;
use ipnet::IpNet;

use super::function::{Argument, Function, texts};

/// Declaration.
pub fn function() -> Function {
    Function::new(
        "ip_in_cidr",
        "True when the address is in the network, IPv4 or IPv6; null when it is not an address. A malformed network is an error.",
        &[Argument::Text("address"), Argument::Text("network")],
        DataType::Boolean,
        &[
            ("ip_in_cidr('10.1.2.3', '10.0.0.0/8')", "true"),
            ("ip_in_cidr('2001:db8::1', '2001:db9::/32')", "false"),
            ("ip_in_cidr('AWS Internal', '10.0.0.0/8')", "NULL"),
        ],
        |args, rows| {
            let (addresses, networks) = (texts(&args[0]), texts(&args[1]));
            let mut last: Option<(&str, IpNet)> = None;
            let mut answers = Vec::with_capacity(rows);
            for (address, network) in addresses.iter().zip(networks) {
                let (Some(address), Some(text)) = (address, network) else {
                    answers.push(None);
                    continue;
                };
                let network = match last {
                    Some((known, network)) if known == text => network,
                    _ => match text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)) {
                        Ok(network) => network,
                        Err(_) => {
                            return exec_err!(
                                "invalid network {text}: expected a CIDR such as 10.0.0.0/8 or 2001:db8::/32"
                            );
                        }
                    },
                };
                last = Some((text, network));
                answers.push(address.parse::<IpAddr>().ok().map(|address| network.contains(&address)));
            }
            Ok(Arc::new(BooleanArray::from(answers)) as ArrayRef)
        },
    )
}
