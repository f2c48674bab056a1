//! Clients: they send commands, several of them on the same orders, and repeat what was not answered.

use domain::order::{Order, OrderCommand, Which};
use rust_decimal::Decimal;

use super::faults::chance;
use super::history::Outcome;
use super::request::{Request, create, new_item};
use super::world::{Instance, World, pause};

pub struct Client<'a> {
    world: &'a World,
    name: String,
    /// Of order-commands, which answers it.
    instance: Instance<'a>,
    sent: usize,
    /// Between two commands. In some runs the clients are in each other's way all the time.
    longest_pause_ms: u64,
}

impl<'a> Client<'a> {
    pub fn new(world: &'a World, name: String, longest_pause_ms: u64) -> Self {
        Self {
            instance: world.instance("order-commands", &name),
            world,
            name,
            sent: 0,
            longest_pause_ms,
        }
    }

    pub async fn run(mut self, commands: usize) {
        for number in 0..commands {
            pause(self.longest_pause_ms).await;
            let request = self.choose(number, commands).await;
            self.insist(&request).await;
        }
    }

    /// Sends it, and mostly again as long as nothing comes of it that a client could rely on.
    async fn insist(&mut self, request: &Request) {
        for _ in 0..4 {
            let again = match self.send(request).await {
                Outcome::Unknown => 0.8,
                // Once in a while, someone presses the button twice.
                _ => 0.05,
            };
            if !chance(again) {
                return;
            }
            pause(300).await;
        }
    }

    async fn send(&mut self, request: &Request) -> Outcome {
        let world = self.world;
        self.sent += 1;
        let correlation_id = format!("{}-{}", self.name, self.sent);
        let order_id = world.history.borrow().order_ids[request.order].clone();
        let event = request.event(&world.sample, &order_id.unwrap_or_default(), &correlation_id);
        let attempt = world.history.borrow_mut().sent(request, &correlation_id);

        let answer = self.instance.invoke(event).await;
        // The last stretch, from API Gateway to the client, may break as well.
        let is_lost = chance(world.dynamodb.faults().lost_reply);
        let Some(answer) = answer.filter(|_| !is_lost) else {
            world.dynamodb.note(format_args!("{correlation_id}: no answer"));
            return Outcome::Unknown;
        };
        let mut history = world.history.borrow_mut();
        if let Some(location) = answer["headers"]["location"].as_str() {
            history.order_is(request.order, location.trim_start_matches("/orders/"));
        }
        let outcome = history.answered(attempt, &answer);
        world.dynamodb.note(format_args!(
            "{correlation_id} {}: {outcome:?}",
            request.command.as_ref()
        ));
        outcome
    }

    /// The next command. Later ones take an order further.
    async fn choose(&self, number: usize, of: usize) -> Request {
        let known: Vec<_> = self.world.history.borrow().order_ids.clone();
        let order = fastrand::usize(..known.len());
        let Some(order_id) = known[order].clone().filter(|_| !chance(0.03)) else {
            return creation(order);
        };
        if chance(0.15) {
            return everybodys(order);
        }

        let until_now = number as f64 / of as f64;
        let command = if chance(until_now.powi(3)) {
            self.progress(&order_id).await
        } else {
            self.change(until_now)
        };
        let version = async || self.world.events().version(&order_id).await.unwrap();
        Request {
            order,
            command,
            key: chance(0.6).then(|| match fastrand::usize(..20) {
                // A key that was, or will be, of another command.
                0 => format!("{}-0", self.name),
                _ => format!("{}-{number}", self.name),
            }),
            if_match: if chance(0.1) { Some(version().await) } else { None },
        }
    }

    /// A command on an order that is being put together.
    fn change(&self, until_now: f64) -> OrderCommand {
        match fastrand::usize(..10) {
            0..=2 => OrderCommand::RemoveOrderItem {
                product_id: new_item(fastrand::usize(..3), 1, 10).product_id,
                which: Which::Only,
            },
            3 if chance(until_now) => OrderCommand::SubmitOrder {
                payment_method_id: None,
            },
            4 => OrderCommand::AddOrderItem(new_item(fastrand::usize(..3), 1, 11)),
            _ => OrderCommand::AddOrderItem(new_item(fastrand::usize(..3), fastrand::u32(1..4), 10)),
        }
    }

    /// A command that takes an order further, possible or not.
    async fn progress(&self, order_id: &str) -> OrderCommand {
        match fastrand::usize(..12) {
            0 => OrderCommand::SubmitOrder {
                payment_method_id: None,
            },
            1..=4 => OrderCommand::ConfirmOrder {
                payment_method_id: Some("pm-1".parse().unwrap()),
            },
            5..=6 => OrderCommand::RecordPayment {
                // A transaction pays one order.
                transaction_id: format!("tx-{}-{order_id}", self.name).parse().unwrap(),
                amount: self.total(order_id).await,
                payment_method_id: None,
            },
            7..=8 => OrderCommand::ShipOrder {
                tracking_number: format!("track-{}", self.name).parse().unwrap(),
                carrier: "DHL".parse().unwrap(),
            },
            9..=10 => OrderCommand::DeliverOrder,
            _ => OrderCommand::CancelOrder {
                reason: "no longer needed".parse().unwrap(),
                refund_amount: None,
            },
        }
    }

    /// What the order costs, as far as its client knows.
    async fn total(&self, order_id: &str) -> Decimal {
        let order = self.world.events().load::<Order>(order_id).await.unwrap();
        order
            .state
            .filter(|_| chance(0.9))
            .map_or(Decimal::ONE, |order| order.total_amount())
    }
}

/// The creation of an order, the same whoever asks for it. Its key makes its id, so that it is the same in each run.
fn creation(order: usize) -> Request {
    Request {
        order,
        command: create(order % 2, vec![new_item(0, 1, 10)]),
        key: Some(format!("create-{order}")),
        if_match: None,
    }
}

/// One of a few requests that several clients send, as one that a load balancer or an impatient user sends twice.
fn everybodys(order: usize) -> Request {
    let number = fastrand::usize(..3);
    Request {
        order,
        command: OrderCommand::AddOrderItem(new_item(7, 1 + number as u32, 10)),
        key: Some(format!("shared-{number}")),
        if_match: None,
    }
}
