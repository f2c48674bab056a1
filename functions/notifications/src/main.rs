//! The Lambda function `notifications`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_edge::run(notifications::function).await
}
