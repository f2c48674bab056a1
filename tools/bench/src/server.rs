//! A DynamoDB in a process of its own, so that what is measured is measured without it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use local_stack::dynamodb::Embedded;

/// The argument with which a benchmark is its own server.
pub const SERVE: &str = "serve";

/// Serves an empty DynamoDB until the other process ends.
pub async fn serve() {
    let embedded = Embedded::memory().await.unwrap();
    println!("{}", embedded.endpoint());
    // Until the other process ends, however it does.
    tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()))
        .await
        .unwrap()
        .unwrap();
}

/// Starts this program once more as the server. Returns where it serves, too.
pub fn start() -> (Child, String) {
    let mut server = Command::new(std::env::current_exe().unwrap())
        .arg(SERVE)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut endpoint = String::new();
    BufReader::new(server.stdout.take().unwrap())
        .read_line(&mut endpoint)
        .unwrap();
    (server, endpoint.trim().to_owned())
}
