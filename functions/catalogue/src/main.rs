//! The Lambda function `catalogue`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_edge::run(catalogue::function).await
}
