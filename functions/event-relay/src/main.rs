fn main() -> Result<(), lambda_edge::Error> {
    lambda_edge::run(event_relay::function)
}
