//! Whether the answers to concurrent commands on one order are those of some sequence of them, in which a command that
//! was answered before another was sent comes before it. The sequence is held against `decide` and `evolve`.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

use domain::Aggregate;
use domain::order::{Charge, ConfirmationNumber, Context, Order, Retired};
use event_store::TransactError;
use order_commands::problems::transact_problem;
use stateright::semantics::{ConsistencyTester, LinearizabilityTester, SequentialSpec};
use uuid::Uuid;

use super::history::{Attempt, Outcome};
use super::request::Request;

/// How many steps the search may take. A history that is linearizable needs little more than one per command, because
/// commands are tried in the order of their answers; one that is not may need more than there is time for.
const MAX_STEPS: u64 = 200_000;

/// One order, as one command after the other leaves it.
#[derive(Debug, Clone)]
struct OrderSpec {
    version: u64,
    order: Option<Order>,
    /// The commands that had their effect under an idempotency key, with their answers.
    used: Vec<(Request, Outcome)>,
    steps: Rc<Cell<u64>>,
}

impl OrderSpec {
    fn unborn() -> Self {
        Self {
            version: 0,
            order: None,
            used: Vec::new(),
            steps: Rc::default(),
        }
    }
}

impl SequentialSpec for OrderSpec {
    type Op = Request;
    type Ret = Outcome;

    fn invoke(&mut self, request: &Request) -> Outcome {
        let used = |(earlier, _): &&(Request, Outcome)| request.key.is_some() && earlier.key == request.key;
        if let Some((earlier, outcome)) = self.used.iter().find(used) {
            return match outcome {
                Outcome::Accepted { version, status, .. } if earlier.command == request.command => Outcome::Accepted {
                    version: *version,
                    status: status.clone(),
                    replayed: true,
                },
                _ => refused(422, "idempotency_key_reused"),
            };
        }
        let context = Context {
            confirmation_number: ConfirmationNumber::from_uuid(Uuid::nil()),
            products: HashMap::new(),
            retired: Retired::default(),
            charge: Charge::None,
        };
        let decided = Order::decide(self.order.as_ref(), request.command.clone(), &context);
        let is_absent = decided.as_ref().is_err_and(Order::is_absence);
        if !is_absent && request.if_match.is_some_and(|expected| expected != self.version) {
            return refused(412, "version_mismatch");
        }
        match decided {
            Ok(events) => {
                self.version += events.len() as u64;
                self.order = Order::fold(self.order.take(), &events);
                let status = self.order.as_ref().map(|order| order.status.to_string());
                let outcome = Outcome::Accepted {
                    version: self.version,
                    status: status.unwrap_or_default(),
                    replayed: false,
                };
                self.used.push((request.clone(), outcome.clone()));
                outcome
            }
            Err(error) => {
                let problem = transact_problem(TransactError::Refused(error));
                refused(problem.status.as_u16().into(), problem.code)
            }
        }
    }

    fn is_valid_step(&mut self, request: &Request, outcome: &Outcome) -> bool {
        self.steps.set(self.steps.get() + 1);
        if self.steps.get() > MAX_STEPS {
            return false;
        }
        match outcome {
            Outcome::Unknown => matches!(self.invoke(request), Outcome::Accepted { replayed: false, .. }),
            // Gave up, which is always possible, and has no effect.
            Outcome::Refused { code, .. } if code == "concurrent_modification" => true,
            _ => self.invoke(request) == *outcome,
        }
    }
}

fn refused(status: u64, code: &str) -> Outcome {
    Outcome::Refused {
        status,
        code: code.to_owned(),
    }
}

/// Checks the attempts on one order. Those without an answer must be the ones that had an effect; the others are as if
/// they had never been sent.
///
/// # Errors
/// What is wrong, with the history.
pub fn check(attempts: &[Attempt]) -> Result<(), String> {
    enum Moment {
        Sent,
        Answered,
    }
    // Each attempt is a thread of its own, numbered in the order of the answers: the tester tries them in this order.
    let mut by_answer: Vec<_> = attempts.iter().collect();
    by_answer.sort_by_key(|attempt| attempt.answered.unwrap_or(usize::MAX));
    let mut moments = Vec::new();
    for (thread, attempt) in by_answer.iter().enumerate() {
        moments.push((attempt.sent, thread, Moment::Sent, attempt));
        // One that was not answered may have its effect until the end.
        let answered = attempt.answered.unwrap_or(usize::MAX);
        moments.push((answered, thread, Moment::Answered, attempt));
    }
    moments.sort_by_key(|(moment, thread, ..)| (*moment, *thread));

    let unborn = OrderSpec::unborn();
    let steps = unborn.steps.clone();
    let mut tester = LinearizabilityTester::new(unborn);
    for (_, thread, moment, attempt) in moments {
        match moment {
            Moment::Sent => tester.on_invoke(thread, attempt.request.clone())?,
            Moment::Answered => tester.on_return(thread, attempt.outcome.clone())?,
        };
    }
    if tester.is_consistent() {
        return Ok(());
    }
    let found = match steps.get() {
        ..=MAX_STEPS => "is not linearizable",
        _ => "was not found linearizable within the limit",
    };
    let history: Vec<_> = by_answer.iter().map(|attempt| line(attempt)).collect();
    Err(format!("the history {found}:\n{}", history.join("\n")))
}

fn line(attempt: &Attempt) -> String {
    let Attempt {
        correlation_id,
        request,
        sent,
        answered,
        outcome,
    } = attempt;
    let answered = answered.map_or("-".to_owned(), |moment| moment.to_string());
    format!(
        "  [{sent}, {answered}] {correlation_id} {:?} key {:?} if-match {:?}: {outcome:?}",
        request.command, request.key, request.if_match
    )
}

#[cfg(test)]
mod tests {
    use domain::order::OrderCommand;

    use super::super::request::{create, new_item};
    use super::*;

    fn attempt(command: OrderCommand, sent: usize, answered: usize, outcome: Outcome) -> Attempt {
        Attempt {
            correlation_id: format!("sent at {sent}"),
            request: Request {
                order: 0,
                command,
                key: None,
                if_match: None,
            },
            sent,
            answered: (outcome != Outcome::Unknown).then_some(answered),
            outcome,
        }
    }

    fn accepted(version: u64, status: &str) -> Outcome {
        Outcome::Accepted {
            version,
            status: status.to_owned(),
            replayed: false,
        }
    }

    fn created() -> Attempt {
        attempt(create(0, vec![]), 1, 2, accepted(1, "created"))
    }

    fn add() -> OrderCommand {
        OrderCommand::AddOrderItem(new_item(1, 1, 10))
    }

    #[track_caller]
    fn assert_linearizable(history: &[Attempt], expected: bool) {
        let found = check(history);
        assert_eq!(found.is_ok(), expected, "{found:?}");
    }

    #[test]
    fn concurrent_commands_may_take_effect_in_either_order() {
        for (one, other) in [(2, 3), (3, 2)] {
            let history = [
                created(),
                attempt(add(), 3, 5, accepted(one, "created")),
                attempt(add(), 4, 6, accepted(other, "created")),
            ];
            assert_linearizable(&history, true);
        }
    }

    #[test]
    fn a_lost_update_is_found() {
        let history = [
            created(),
            attempt(add(), 3, 5, accepted(2, "created")),
            attempt(add(), 4, 6, accepted(2, "created")),
        ];
        assert_linearizable(&history, false);
    }

    #[test]
    fn an_answer_from_a_stale_state_is_found() {
        // The submission had been answered before the item was sent.
        let history = |sent| {
            [
                created(),
                attempt(add(), 3, 4, accepted(2, "created")),
                attempt(
                    OrderCommand::SubmitOrder {
                        payment_method_id: None,
                    },
                    5,
                    8,
                    accepted(4, "submitted"),
                ),
                attempt(add(), sent, 10, accepted(3, "created")),
            ]
        };
        assert_linearizable(&history(6), true);
        assert_linearizable(&history(9), false);
    }

    #[test]
    fn a_command_without_an_answer_may_take_effect_at_any_time_after_it_was_sent() {
        let history = |version| {
            [
                created(),
                attempt(add(), 3, 0, Outcome::Unknown),
                attempt(add(), 4, 5, accepted(version, "created")),
                attempt(add(), 6, 7, accepted(version + 1, "created")),
            ]
        };
        assert_linearizable(&history(2), true);
        assert_linearizable(&history(3), true);
        assert_linearizable(&history(4), false);
    }

    #[test]
    fn a_key_that_had_its_effect_twice_is_found() {
        let keyed = |sent, outcome| {
            let mut attempt = attempt(add(), sent, sent + 1, outcome);
            attempt.request.key = Some("key".to_owned());
            attempt
        };
        let replay = Outcome::Accepted {
            version: 2,
            status: "created".to_owned(),
            replayed: true,
        };
        let first = keyed(3, accepted(2, "created"));
        assert_linearizable(&[created(), first.clone(), keyed(5, replay)], true);
        assert_linearizable(&[created(), first, keyed(5, accepted(3, "created"))], false);
    }

    #[test]
    fn a_refusal_that_no_state_explains_is_found() {
        let history = |code| [created(), attempt(OrderCommand::DeliverOrder, 3, 4, refused(409, code))];
        assert_linearizable(&history("invalid_transition"), true);
        assert_linearizable(&history("order_already_exists"), false);
    }
}
