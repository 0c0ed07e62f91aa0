//! SQL functions, one per file: the plain logic, then its declaration with documentation and examples, then its tests.
//!
//! To add one: its file, its `mod`, and one line in [`scalar_functions`], [`window_functions`] or [`aggregate_functions`].
//! [`Function`], [`WindowFunction`] and [`AggregateFunction`] hold what all declarations have in common; examples run as
//! tests. Text arguments may come as any of the engine's string types; they reach the logic as Utf8.

mod agent_name;
mod also_failed;
mod any_value;
mod api_in_words;
mod api_name;
mod baseline;
mod call_via;
mod counted;
mod decayed_mean;
mod entropy;
mod error_family;
mod evidence;
mod filled_baseline;
mod first_seen;
mod function;
mod geo_change;
mod great_circle_km;
mod hour_of_week;
mod in_api_list;
mod ip_in_cidr;
mod ip_place;
mod is_administrator_policy;
mod is_machine;
mod is_regional;
mod is_service_caller;
mod json_values;
mod listed;
mod log_gamma;
mod mad;
mod negative_binomial;
mod object_name;
mod operating_system;
mod peer_group;
mod poisson;
mod policy_risk;
mod rarity;
mod robust_z_score;
mod saturating_score;
mod shared_accounts;
mod shortest_expiry_days;
mod summary;
mod travel_speed_kmh;
mod user_agent_family;
mod workload_arn;
mod z_score;

use std::sync::Arc;

use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::{ScalarUDF, WindowUDF};

pub use api_name::api_name;
pub(super) use in_api_list::service_in_list;
pub use is_machine::is_machine;

pub use function::{AggregateFunction, Argument, Example, Function, WindowFunction};

use crate::error::{Error, Result};
use crate::geo::Geo;

/// The functions of one row.
pub fn scalar_functions(geo: &Arc<Geo>) -> Vec<Function> {
    vec![
        agent_name::function(),
        also_failed::function(),
        any_value::in_cidr(),
        any_value::is_in(),
        any_value::like(),
        any_value::number(),
        any_value::regexp(),
        api_in_words::function(),
        api_name::function(),
        call_via::function(),
        counted::function(),
        error_family::function(),
        error_family::is_denied(),
        great_circle_km::function(),
        hour_of_week::function(),
        in_api_list::function(),
        ip_in_cidr::function(),
        ip_place::country(geo),
        ip_place::latitude(geo),
        ip_place::longitude(geo),
        ip_place::asn(geo),
        ip_place::organisation(geo),
        ip_place::is_amazon(geo),
        is_administrator_policy::function(),
        is_machine::function(),
        is_regional::function(),
        is_service_caller::function(),
        json_values::function(),
        json_values::lower(),
        listed::function(),
        negative_binomial::surprise(),
        negative_binomial::tail(),
        object_name::function(),
        operating_system::function(),
        poisson::surprise(),
        poisson::tail(),
        peer_group::function(),
        policy_risk::function(),
        shared_accounts::function(),
        shortest_expiry_days::function(),
        rarity::function(),
        robust_z_score::function(),
        saturating_score::function(),
        travel_speed_kmh::function(),
        user_agent_family::function(),
        workload_arn::function(),
        z_score::function(),
    ]
}

/// The functions over the rows of an entity in order of time.
pub fn window_functions(geo: &Arc<Geo>) -> Vec<WindowFunction> {
    vec![
        baseline::function(),
        decayed_mean::function(),
        filled_baseline::function(),
        first_seen::function(),
        geo_change::function(geo),
    ]
}

/// The functions of a group of rows.
pub fn aggregate_functions() -> Vec<AggregateFunction> {
    vec![entropy::function(), evidence::function(), mad::function()]
}

/// Registers every function.
pub(super) fn register(registry: &mut dyn FunctionRegistry, geo: &Arc<Geo>) -> Result<()> {
    let registered = (|| {
        datafusion_functions_json::register_all(registry)?;
        for function in scalar_functions(geo) {
            registry.register_udf(Arc::new(ScalarUDF::new_from_impl(function)))?;
        }
        for function in window_functions(geo) {
            registry.register_udwf(Arc::new(WindowUDF::new_from_impl(function)))?;
        }
        for function in aggregate_functions() {
            registry.register_udaf(Arc::new(function.udaf))?;
        }
        Ok(())
    })();
    registered.map_err(|e: datafusion::error::DataFusionError| Error::Internal(e.to_string()))
}

#[cfg(test)]
mod tests;
