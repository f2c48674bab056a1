//! The Lambda function `fulfilment`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_edge::run(fulfilment::function).await
}
