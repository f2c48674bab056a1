//! The Lambda function `customer-orders-projection`.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda_edge::run(customer_orders_projection::function).await
}
