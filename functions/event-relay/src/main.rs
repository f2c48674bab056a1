//! The Lambda function `event-relay`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_edge::run(event_relay::function).await
}
