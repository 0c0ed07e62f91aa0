//! `operating_system(user_agent)`: the operating system that a client states.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::DataType;

use super::function::{Argument, Function, texts};

/// The operating system a user agent names, whatever its version; `None` when it names none.
///
/// Browsers put it in brackets, AWS's clients write `Darwin/23.1`, `os/macos#14`, `Linux/6.1`, `Windows/10`.
pub fn operating_system(user_agent: &str) -> Option<&'static str> {
    let user_agent = user_agent.to_ascii_lowercase();
    let names = |words: &[&str]| words.iter().any(|word| user_agent.contains(word));
    if names(&["android"]) {
        Some("Android")
    } else if names(&["iphone", "ipad"]) {
        Some("iOS")
    } else if names(&["windows"]) {
        Some("Windows")
    } else if names(&["darwin", "macintosh", "os/macos", "mac os x"]) {
        Some("macOS")
    } else if names(&["linux"]) {
        Some("Linux")
    } else {
        None
    }
}

/// Declaration.
pub fn function() -> Function {
    Function::new(
        "operating_system",
        "The operating system that the user agent names: Android, iOS, Windows, macOS or Linux, without a version; null when it names none. Clients can send anything: a change is a signal, no change proves nothing.",
        &[Argument::Text("user_agent")],
        DataType::Utf8,
        &[
            ("operating_system('aws-cli/2.13.5 Python/3.11.4 Darwin/22.5.0 exe/x86_64')", "macOS"),
            ("operating_system('Boto3/1.34.42 md/Botocore#1.34.42 ua/2.0 os/linux#6.1 md/arch#x86_64')", "Linux"),
            ("operating_system('aws-cli/2.14.5 Python/3.11.6 Windows/10 exe/AMD64 prompt/off')", "Windows"),
            ("operating_system('Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36')", "macOS"),
            ("operating_system('Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36')", "Android"),
            ("operating_system('cloudformation.amazonaws.com')", "NULL"),
            ("operating_system(NULL)", "NULL"),
        ],
        |args, _| {
            let systems = texts(&args[0]).iter().map(|user_agent| operating_system(user_agent?));
            Ok(Arc::new(systems.collect::<StringArray>()) as ArrayRef)
        },
    )
}
