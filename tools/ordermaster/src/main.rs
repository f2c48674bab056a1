//! The command line tool `ordermaster`.

use std::env;
use std::io;
use std::process::ExitCode;

use lambda_edge::Environment;
use ordermaster::{CliError, Outcome};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match ordermaster::run(env::args_os(), &Environment::of_process(), &mut io::stdout()).await {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Incomplete) => ExitCode::from(1),
        Err(error) => {
            match &error {
                CliError::Usage(usage) => usage.print().unwrap_or_default(),
                _ => eprintln!("ordermaster: {error}"),
            }
            ExitCode::from(error.exit_code())
        }
    }
}
