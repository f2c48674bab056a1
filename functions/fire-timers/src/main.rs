fn main() -> Result<(), lambda_edge::Error> {
    lambda_edge::run(fire_timers::function)
}
