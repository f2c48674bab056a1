//! The Lambda function `order-queries`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_edge::run(order_queries::function).await
}
