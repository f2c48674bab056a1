//! The Lambda function `order-summary-projection`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_edge::run(order_summary_projection::function).await
}
