//! given(events).when(command).then(events), for every command and every rule.

use chrono::TimeDelta;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::aggregate::Aggregate;
use crate::testing::{Given, Outcome};

fn given(history: impl IntoIterator<Item = StockEvent>) -> Given<Stock> {
    Given::new(history, Context { now: at(0) })
}

impl Given<Stock> {
    fn when_at(self, second: i64, command: StockCommand) -> Outcome<Stock> {
        self.within(Context { now: at(second) }).when(command)
    }
}

/// So many seconds after the tests' beginning.
fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
}

fn order(number: u128) -> OrderId {
    OrderId(Uuid::from_u128(number))
}

fn pieces(pieces: u32) -> Pieces {
    pieces.try_into().unwrap()
}

fn received(quantity: u32) -> StockEvent {
    StockEvent::StockReceived {
        quantity: pieces(quantity),
        reference: None,
    }
}

fn adjusted(on_hand: u32) -> StockEvent {
    StockEvent::StockAdjusted {
        on_hand: pieces(on_hand),
        reason: None,
    }
}

fn threshold_set(threshold: u32) -> StockEvent {
    StockEvent::LowStockThresholdSet {
        threshold: pieces(threshold),
    }
}

fn reserved(number: u128, quantity: u32, expires_at: Option<i64>) -> StockEvent {
    StockEvent::StockReserved {
        order_id: order(number),
        quantity: pieces(quantity),
        expires_at: expires_at.map(at),
    }
}

fn refused(number: u128, wanted: u32, available: u32) -> StockEvent {
    StockEvent::StockReservationRefused {
        order_id: order(number),
        wanted: pieces(wanted),
        available: pieces(available),
        unknown_sku: false,
    }
}

/// The refusal by the stock of a SKU that nobody sells.
fn unknown(number: u128, wanted: u32) -> StockEvent {
    StockEvent::StockReservationRefused {
        order_id: order(number),
        wanted: pieces(wanted),
        available: Pieces::NONE,
        unknown_sku: true,
    }
}

fn released(number: u128, quantity: u32, cause: ReleaseCause) -> StockEvent {
    StockEvent::StockReleased {
        order_id: order(number),
        quantity: pieces(quantity),
        cause,
    }
}

fn committed(number: u128, quantity: u32, missing: u32) -> StockEvent {
    StockEvent::StockCommitted {
        order_id: order(number),
        quantity: pieces(quantity),
        missing: pieces(missing),
    }
}

fn receive(quantity: u32) -> StockCommand {
    StockCommand::Receive {
        quantity: pieces(quantity),
        reference: None,
    }
}

fn set(on_hand: Option<u32>, low_stock_threshold: Option<u32>) -> StockCommand {
    StockCommand::Set {
        on_hand: on_hand.map(pieces),
        low_stock_threshold: low_stock_threshold.map(pieces),
        reason: None,
    }
}

fn reserve(number: u128, quantity: u32, expires_at: Option<i64>) -> StockCommand {
    StockCommand::Reserve {
        order_id: order(number),
        quantity: pieces(quantity),
        expires_at: expires_at.map(at),
    }
}

fn release(number: u128) -> StockCommand {
    StockCommand::Release {
        order_id: order(number),
    }
}

fn commit(number: u128, quantity: u32) -> StockCommand {
    StockCommand::Commit {
        order_id: order(number),
        quantity: pieces(quantity),
    }
}

const ASKED: ReleaseCause = ReleaseCause::Asked;
const EXPIRED: ReleaseCause = ReleaseCause::Expired;

#[test]
fn what_is_received_is_added_up_to_the_most_that_there_can_be() {
    given([]).when(receive(3)).then([received(3)]);
    let stock = Stock::fold(None, &[received(3), received(4)]).unwrap();
    assert_eq!((stock.on_hand, stock.available()), (pieces(7), pieces(7)));
    given([received(3)])
        .when(receive(Pieces::MAX - 3))
        .then([received(Pieces::MAX - 3)]);
    given([received(3)])
        .when(receive(Pieces::MAX - 2))
        .then_refused(StockError::TooMany {
            room: pieces(Pieces::MAX - 3),
        });
}

#[test]
fn a_delivery_and_a_count_keep_what_was_said_of_them() {
    let reference: Option<crate::text::Reference> = Some("delivery note 7".parse().unwrap());
    given([])
        .when(StockCommand::Receive {
            quantity: pieces(3),
            reference: reference.clone(),
        })
        .then([StockEvent::StockReceived {
            quantity: pieces(3),
            reference,
        }]);
    let reason: Option<crate::text::Reason> = Some("stocktaking".parse().unwrap());
    given([received(3)])
        .when(StockCommand::Set {
            on_hand: Some(pieces(2)),
            low_stock_threshold: None,
            reason: reason.clone(),
        })
        .then([StockEvent::StockAdjusted {
            on_hand: pieces(2),
            reason,
        }]);
}

#[test]
fn only_what_differs_is_set_but_a_new_sku_has_something_happen_to_it() {
    let history = || given([received(5), threshold_set(2)]);
    history().when(set(Some(5), Some(2))).then_nothing();
    history().when(set(Some(4), None)).then([adjusted(4)]);
    history().when(set(None, Some(3))).then([threshold_set(3)]);
    history()
        .when(set(Some(0), Some(0)))
        .then([adjusted(0), threshold_set(0)]);
    given([]).when(set(Some(0), None)).then([adjusted(0)]);
    given([]).when(set(None, Some(0))).then([threshold_set(0)]);
}

#[test]
fn the_stock_is_never_set_below_what_is_reserved() {
    let history = || given([received(5), reserved(1, 2, None), reserved(2, 1, Some(10))]);
    history().when(set(Some(3), None)).then([adjusted(3)]);
    history()
        .when(set(Some(2), None))
        .then_refused(StockError::BelowReserved {
            on_hand: pieces(2),
            reserved: pieces(3),
        });
    // What has expired is in nobody's way.
    history()
        .when_at(10, set(Some(2), None))
        .then([released(2, 1, EXPIRED), adjusted(2)]);
    history()
        .when_at(10, set(Some(1), None))
        .then_refused(StockError::BelowReserved {
            on_hand: pieces(1),
            reserved: pieces(2),
        });
}

#[test]
fn an_order_gets_all_that_it_wants_or_nothing() {
    let history = || given([received(5), reserved(1, 2, Some(60))]);
    history().when(reserve(2, 3, Some(60))).then([reserved(2, 3, Some(60))]);
    history().when(reserve(2, 4, Some(60))).then([refused(2, 4, 3)]);
    given([adjusted(0)])
        .when(reserve(1, 1, Some(60)))
        .then([refused(1, 1, 0)]);
}

#[test]
fn a_sku_of_which_nothing_ever_came_is_unknown() {
    for expires_at in [None, Some(60)] {
        given([]).when(reserve(1, 1, expires_at)).then([unknown(1, 1)]);
    }
    // What orders ask for makes it no better known.
    let asked = || [unknown(1, 1), released(2, 0, ASKED), committed(3, 0, 1)];
    given(asked()).when(reserve(4, 1, Some(60))).then([unknown(4, 1)]);
    // A count of nothing does: then it is sold out.
    given(asked()).when(set(Some(0), None)).then([adjusted(0)]);
    for known in [adjusted(0), received(1), threshold_set(0)] {
        let history = asked().into_iter().chain([known]);
        let refused = given(history).when(reserve(4, 2, Some(60)));
        assert!(matches!(
            refused.0.unwrap()[..],
            [StockEvent::StockReservationRefused { unknown_sku: false, .. }]
        ));
    }
}

#[test]
fn no_piece_is_promised_twice() {
    let history = [received(5), reserved(1, 5, Some(60))];
    given(history.clone())
        .when_at(59, reserve(2, 1, Some(90)))
        .then([refused(2, 1, 0)]);
    let stock = Stock::fold(None, &history).unwrap();
    assert_eq!(
        (stock.on_hand, stock.reserved(), stock.available()),
        (pieces(5), pieces(5), Pieces::NONE)
    );
}

#[test]
fn an_expired_reservation_stays_until_another_order_needs_its_pieces() {
    let history = || given([received(5), reserved(1, 2, Some(20)), reserved(2, 2, Some(10))]);
    history()
        .when_at(30, reserve(3, 1, Some(90)))
        .then([reserved(3, 1, Some(90))]);
    // The one that expired first goes first, and no more than are needed.
    history()
        .when_at(30, reserve(3, 3, Some(90)))
        .then([released(2, 2, EXPIRED), reserved(3, 3, Some(90))]);
    history().when_at(30, reserve(3, 5, Some(90))).then([
        released(2, 2, EXPIRED),
        released(1, 2, EXPIRED),
        reserved(3, 5, Some(90)),
    ]);
    // It expires at its very moment.
    history()
        .when_at(10, reserve(3, 3, Some(90)))
        .then([released(2, 2, EXPIRED), reserved(3, 3, Some(90))]);
    history().when_at(9, reserve(3, 3, Some(90))).then([refused(3, 3, 1)]);
    // Nobody is helped by too few.
    history().when_at(30, reserve(3, 6, Some(90))).then([refused(3, 6, 5)]);
}

#[test]
fn an_expired_reservation_that_nobody_needed_is_committed_and_made_to_last() {
    let history = || given([received(5), reserved(1, 2, Some(10))]);
    history().when_at(30, commit(1, 2)).then([committed(1, 2, 0)]);
    history().when_at(30, reserve(1, 2, None)).then([reserved(1, 2, None)]);
}

#[test]
fn who_has_lost_a_reservation_gets_no_other() {
    let history = || {
        given([
            received(2),
            reserved(1, 2, Some(10)),
            released(1, 2, EXPIRED),
            reserved(2, 1, Some(60)),
        ])
    };
    history().when_at(30, reserve(1, 1, None)).then_nothing();
    history().when_at(30, release(1)).then_nothing();
}

#[test]
fn a_reservation_is_made_to_last_once_and_nothing_undoes_that() {
    let expiring = || given([received(5), reserved(1, 2, Some(10))]);
    expiring().when(reserve(1, 2, Some(10))).then_nothing();
    expiring().when(reserve(1, 2, Some(90))).then_nothing();
    // Whatever quantity is named: it is the order's reservation that lasts.
    expiring().when(reserve(1, 4, None)).then([reserved(1, 2, None)]);

    let lasting = || given([received(5), reserved(1, 2, Some(10)), reserved(1, 2, None)]);
    lasting().when(reserve(1, 2, None)).then_nothing();
    lasting().when(reserve(1, 2, Some(10))).then_nothing();
    lasting().when_at(99, reserve(2, 4, Some(120))).then([refused(2, 4, 3)]);
    let stock = lasting().state().unwrap();
    assert_eq!(stock.reserved(), pieces(2));
}

#[test]
fn a_command_that_has_had_its_effect_has_none() {
    let refused_before = [received(1), refused(1, 2, 1), received(9)];
    given(refused_before.clone())
        .when(reserve(1, 2, Some(60)))
        .then_nothing();
    given(refused_before).when(release(1)).then_nothing();
    let gone = [received(5), reserved(1, 2, None), committed(1, 2, 0)];
    for command in [reserve(1, 2, Some(60)), reserve(1, 2, None), release(1), commit(1, 2)] {
        given(gone.clone()).when(command).then_nothing();
    }
}

#[test]
fn what_is_released_others_can_have() {
    let history = [received(5), reserved(1, 5, None)];
    given(history.clone()).when(release(1)).then([released(1, 5, ASKED)]);
    let history = || given(history.clone().into_iter().chain([released(1, 5, ASKED)]));
    history().when(release(1)).then_nothing();
    history().when(reserve(1, 5, Some(60))).then_nothing();
    history().when(reserve(2, 5, Some(60))).then([reserved(2, 5, Some(60))]);
}

#[test]
fn a_release_that_comes_before_its_reservation_prevents_it() {
    given([received(5)]).when(release(1)).then([released(1, 0, ASKED)]);
    given([received(5), released(1, 0, ASKED)])
        .when(reserve(1, 2, Some(60)))
        .then_nothing();
    given([]).when(release(1)).then([released(1, 0, ASKED)]);
}

#[test]
fn a_commit_takes_what_was_reserved() {
    let history = [received(5), reserved(1, 2, None), reserved(2, 3, None)];
    given(history.clone()).when(commit(1, 2)).then([committed(1, 2, 0)]);
    let stock = Stock::fold(None, history.iter().chain(&[committed(1, 2, 0)])).unwrap();
    assert_eq!((stock.on_hand, stock.reserved()), (pieces(3), pieces(3)));
}

#[test]
fn a_commit_without_a_reservation_takes_only_what_is_nobodys() {
    given([received(5)]).when(commit(1, 2)).then([committed(1, 2, 0)]);
    given([received(5), reserved(2, 4, Some(60))])
        .when(commit(1, 3))
        .then([committed(1, 1, 2)]);
    given([]).when(commit(1, 3)).then([committed(1, 0, 3)]);
    // Also when its reservation had been released or refused.
    given([received(5), reserved(1, 2, Some(1)), released(1, 2, EXPIRED)])
        .when(commit(1, 2))
        .then([committed(1, 2, 0)]);
    given([received(1), refused(1, 2, 1), received(4)])
        .when(commit(1, 2))
        .then([committed(1, 2, 0)]);
}

#[test]
fn of_orders_that_have_ended_256_are_remembered_refusals_the_least() {
    let mut history = vec![received(1_000_000), committed(1, 1, 0)];
    history.extend((1_000..2_000).map(|number| refused(number, 9, 0)));
    history.extend((2..=256).map(|number| committed(number, 1, 0)));
    given(history.clone()).when(commit(1, 1)).then_nothing();
    given(history.clone()).when(commit(256, 1)).then_nothing();
    history.push(released(257, 0, ASKED));
    given(history.clone()).when(release(257)).then_nothing();
    given(history.clone()).when(commit(2, 1)).then_nothing();
    given(history).when(commit(1, 1)).then([committed(1, 1, 0)]);
}

#[test]
fn only_a_reservation_that_there_is_can_be_made_to_last() {
    given([received(5)]).when(reserve(1, 2, None)).then([refused(1, 2, 5)]);
    // What is committed or released stays so.
    given([received(5), reserved(1, 2, Some(9)), committed(1, 2, 0)])
        .when(reserve(1, 2, None))
        .then_nothing();
}

#[test]
fn expired_reservations_are_released_as_far_as_one_append_takes_them() {
    let mut history = vec![received(120)];
    history.extend((1..=120).map(|number| reserved(number, 1, Some(1))));
    let Outcome(events) = given(history.clone()).when_at(2, reserve(999, 98, Some(9)));
    assert_eq!(events.unwrap().len(), 99);
    // The rest of them at another time: who asks for more is refused.
    given(history)
        .when_at(2, reserve(999, 99, Some(9)))
        .then([refused(999, 99, 98)]);
}

#[test]
fn a_stock_is_low_when_no_more_than_its_threshold_is_available() {
    let is_low = |history: &[StockEvent]| Stock::fold(None, history).unwrap().is_low();
    assert!(is_low(&[adjusted(0)]));
    assert!(!is_low(&[adjusted(1)]));
    assert!(is_low(&[received(5), threshold_set(3), reserved(1, 2, None)]));
    assert!(!is_low(&[received(5), threshold_set(3), reserved(1, 1, None)]));
}

#[test]
fn pieces_are_whole_numbers_however_they_are_written() {
    let read = |json: &str| serde_json::from_str::<Pieces>(json).map_err(|error| error.to_string());
    assert_eq!(read("0"), Ok(Pieces::NONE));
    assert_eq!(read("2.0"), Ok(pieces(2)));
    assert_eq!(read("1e3"), Ok(pieces(1_000)));
    assert_eq!(read("1000000000"), Ok(Pieces::MOST));
    for json in [
        "-1",
        "-1.0",
        "1.5",
        "1000000001",
        "1e99",
        "\"2\"",
        "null",
        "[2]",
        "true",
    ] {
        let message = read(json).unwrap_err();
        assert!(
            message.starts_with("must be a whole number from 0 to 1000000000"),
            "{json}: {message}"
        );
    }
}

/// Anything that a few orders and the warehouse may ask for, at some time.
fn any_command() -> impl Strategy<Value = (i64, StockCommand)> {
    let number = || 1..6_u128;
    let quantity = || 0..20_u32;
    let command = prop_oneof![
        2 => quantity().prop_map(receive),
        1 => (prop::option::of(quantity()), prop::option::of(quantity())).prop_map(|(on_hand, low)| set(on_hand, low)),
        6 => (number(), quantity(), prop::option::of(0..100_i64)).prop_map(|(n, q, at)| reserve(n, q, at)),
        2 => number().prop_map(release),
        3 => (number(), quantity()).prop_map(|(n, q)| commit(n, q)),
    ];
    (0..100_i64, command)
}

proptest! {
    /// Whatever is asked for in whatever order: nothing is promised twice, and the books are right.
    #[test]
    fn nothing_is_ever_below_zero_and_what_is_on_hand_is_what_came_less_what_left(
        commands in prop::collection::vec(any_command(), 0..60)
    ) {
        let mut stock: Option<Stock> = None;
        let mut on_hand = 0;
        for (second, command) in commands {
            let Ok(events) = decide(stock.as_ref(), command.clone(), &Context { now: at(second) }) else {
                continue;
            };
            for event in &events {
                match event {
                    StockEvent::StockReceived { quantity, .. } => on_hand += quantity.get(),
                    StockEvent::StockAdjusted { on_hand: counted, .. } => on_hand = counted.get(),
                    // Would be an underflow.
                    StockEvent::StockCommitted { quantity, .. } => on_hand -= quantity.get(),
                    _ => {}
                }
                stock = Stock::evolve(stock, event);
                let stock = stock.as_ref().unwrap();
                prop_assert_eq!(stock.on_hand.get(), on_hand);
                prop_assert!(stock.reserved() <= stock.on_hand, "{:?} after {:?}", stock, event);
                prop_assert_eq!(stock.available().plus(stock.reserved()), stock.on_hand);
            }
            if !matches!(command, StockCommand::Receive { .. }) {
                prop_assert_eq!(decide(stock.as_ref(), command, &Context { now: at(second) }), Ok(Vec::new()), "a repetition has an effect");
            }
        }
    }
}
