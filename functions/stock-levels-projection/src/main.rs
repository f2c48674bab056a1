//! The Lambda function `stock-levels-projection`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_edge::run(stock_levels_projection::function).await
}
