//! The Lambda function `order-index-projection`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_edge::run(order_index_projection::function).await
}
