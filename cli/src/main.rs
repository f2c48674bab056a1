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
        Err(CliError::Usage(error)) => {
            // Help that was asked for goes to stdout, and is no failure.
            let _ = error.print();
            ExitCode::from(if error.use_stderr() { 2 } else { 0 })
        }
        Err(error) => {
            eprintln!("ordermaster: {error}");
            ExitCode::from(2)
        }
    }
}
