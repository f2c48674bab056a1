//! given(events).when(command).then(events), for every command and every rule.

use super::*;
use crate::aggregate::Aggregate;
use crate::catalogue::Product;
use crate::order::state::{Address, ConfirmationNumber, Tax, TaxRate};
use crate::testing::{Given, Outcome};
use uuid::Uuid;

fn given(history: impl IntoIterator<Item = OrderEvent>) -> Given<Order> {
    Given::new(history, context())
}

impl Outcome<Order> {
    #[track_caller]
    fn then_invalid(self, field: &str) {
        match self.0 {
            Err(OrderError::InvalidField { field: named, .. }) => assert_eq!(named, field),
            other => panic!("expected {field} to be invalid, got {other:?}"),
        }
    }
}

fn context() -> Context {
    Context {
        confirmation_number: number(),
        products: [
            product("77", "USD", Some("FR-77")),
            product("28", "USD", None),
            product("59", "EUR", None),
        ]
        .into(),
    }
}

/// What the catalogue has: everything at 13.00.
fn product(id: &str, currency: &str, sku: Option<&str>) -> (ProductId, Product) {
    let product_id: ProductId = id.parse().unwrap();
    let product = Product {
        product_id: product_id.clone(),
        name: format!("Product {id}").parse().unwrap(),
        sku: sku.map(|sku| sku.parse().unwrap()),
        unit_price: dec("13.00"),
        currency: currency.parse().unwrap(),
    };
    (product_id, product)
}

fn unpriced(product: &str) -> NewItem {
    NewItem {
        unit_price: None,
        ..new_item(product, 1, "0")
    }
}

fn number() -> ConfirmationNumber {
    ConfirmationNumber::from_uuid(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001))
}

fn dec(amount: &str) -> Decimal {
    amount.parse().unwrap()
}

fn new_item(product: &str, quantity: u32, unit_price: &str) -> NewItem {
    NewItem {
        product_id: product.parse().unwrap(),
        quantity: Quantity::new(quantity).unwrap(),
        unit_price: Some(dec(unit_price)),
        product_name: None,
        sku: None,
    }
}

fn item(product: &str, quantity: u32, unit_price: &str) -> OrderItem {
    OrderItem {
        product_id: product.parse().unwrap(),
        quantity: Quantity::new(quantity).unwrap(),
        unit_price: dec(unit_price),
        product_name: None,
        sku: None,
    }
}

fn address() -> Address {
    Address {
        street: "59 rue de l'Abbaye".parse().unwrap(),
        city: "Reims".parse().unwrap(),
        state: None,
        postal_code: Some("51100".parse().unwrap()),
        country: Some("France".parse().unwrap()),
    }
}

fn tax(rate: &str) -> Tax {
    Tax {
        rate: TaxRate::try_from(dec(rate)).unwrap(),
        jurisdiction: None,
    }
}

fn create(items: Vec<NewItem>) -> OrderCommand {
    OrderCommand::CreateOrder(CreateOrder {
        customer_id: "VINET".parse().unwrap(),
        items,
        shipping_address: address(),
        currency: Currency::USD,
        tax: tax("0.1"),
    })
}

fn created(items: impl IntoIterator<Item = OrderItem>) -> OrderEvent {
    OrderEvent::OrderCreated {
        customer_id: "VINET".parse().unwrap(),
        currency: Currency::USD,
        tax: tax("0.1"),
        items: items.into_iter().collect(),
        shipping_address: address(),
    }
}

/// One line of 2 × 10.00 and 10 % tax: a total of 22.00.
fn order() -> OrderEvent {
    created([item("11", 2, "10.00")])
}

fn submitted() -> OrderEvent {
    OrderEvent::OrderSubmitted {
        payment_method_id: None,
    }
}

fn submit() -> OrderCommand {
    OrderCommand::SubmitOrder {
        payment_method_id: None,
    }
}

fn confirmed() -> OrderEvent {
    OrderEvent::OrderConfirmed {
        payment_method_id: "pm".parse().unwrap(),
        confirmation_number: number(),
    }
}

fn paid() -> OrderEvent {
    OrderEvent::OrderPaid {
        transaction_id: "tx".parse().unwrap(),
        amount: dec("22.00"),
    }
}

fn shipped() -> OrderEvent {
    OrderEvent::OrderShipped {
        tracking_number: "1Z".parse().unwrap(),
        carrier: "Speedy Express".parse().unwrap(),
    }
}

fn cancelled(refund: &str) -> OrderEvent {
    OrderEvent::OrderCancelled {
        reason: "changed my mind".parse().unwrap(),
        refund_amount: dec(refund),
    }
}

fn confirm() -> OrderCommand {
    OrderCommand::ConfirmOrder {
        payment_method_id: "pm".parse().unwrap(),
    }
}

fn pay(amount: &str) -> OrderCommand {
    OrderCommand::RecordPayment {
        transaction_id: "tx".parse().unwrap(),
        amount: dec(amount),
    }
}

fn ship() -> OrderCommand {
    OrderCommand::ShipOrder {
        tracking_number: "1Z".parse().unwrap(),
        carrier: "Speedy Express".parse().unwrap(),
    }
}

fn cancel(refund: Option<&str>) -> OrderCommand {
    OrderCommand::CancelOrder {
        reason: "changed my mind".parse().unwrap(),
        refund_amount: refund.map(dec),
    }
}

fn remove(product: &str) -> OrderCommand {
    OrderCommand::RemoveOrderItem {
        product_id: product.parse().unwrap(),
    }
}

#[test]
fn an_order_may_be_created_empty_or_with_items() {
    given([]).when(create(vec![])).then([created([])]);
    given([])
        .when(create(vec![new_item("11", 2, "10"), new_item("42", 1, "9.8")]))
        .then([created([item("11", 2, "10.00"), item("42", 1, "9.80")])]);
    given([order()])
        .when(create(vec![]))
        .then_refused(OrderError::AlreadyExists);
}

#[test]
fn lines_of_one_product_at_one_price_are_merged() {
    given([])
        .when(create(vec![new_item("11", 2, "10"), new_item("11", 3, "10.00")]))
        .then([created([item("11", 5, "10.00")])]);

    let merged = Order::fold(None, &[order(), OrderEvent::OrderItemAdded(item("11", 3, "10.00"))]).unwrap();
    assert_eq!(merged.items, [item("11", 5, "10.00")]);
}

#[test]
fn an_item_without_a_price_takes_what_it_lacks_from_the_catalogue() {
    let as_in_catalogue = OrderItem {
        product_name: Some("Product 77".parse().unwrap()),
        sku: Some("FR-77".parse().unwrap()),
        ..item("77", 1, "13.00")
    };
    given([order()])
        .when(OrderCommand::AddOrderItem(unpriced("77")))
        .then([OrderEvent::OrderItemAdded(as_in_catalogue.clone())]);

    let named = NewItem {
        product_name: Some("Frankfurter".parse().unwrap()),
        sku: Some("7".parse().unwrap()),
        ..unpriced("77")
    };
    let as_named = OrderItem {
        product_name: named.product_name.clone(),
        sku: named.sku.clone(),
        ..item("77", 1, "13.00")
    };
    given([]).when(create(vec![named])).then([created([as_named])]);
    // With a price it is none of the catalogue's business.
    given([])
        .when(create(vec![new_item("77", 1, "12")]))
        .then([created([item("77", 1, "12.00")])]);
}

#[test]
fn a_price_from_the_catalogue_is_there_and_in_the_orders_currency() {
    given([order()])
        .when(OrderCommand::AddOrderItem(unpriced("60")))
        .then_refused(OrderError::UnknownProduct {
            field: "product_id".into(),
            product_id: "60".parse().unwrap(),
        });
    given([])
        .when(create(vec![new_item("11", 1, "10"), unpriced("59")]))
        .then_refused(OrderError::CurrencyMismatch {
            field: "items[1].unit_price".into(),
            product_id: "59".parse().unwrap(),
            catalogue: "EUR".parse().unwrap(),
            order: Currency::USD,
        });
    given([])
        .when(create(vec![new_item("77", 1, "12"), unpriced("77")]))
        .then_refused(OrderError::ConflictingPrice {
            field: "items[1].unit_price".into(),
            product_id: "77".parse().unwrap(),
            existing: dec("12.00"),
            given: dec("13.00"),
        });
}

#[test]
fn only_products_without_a_price_are_looked_up_each_once() {
    let looked_up = |items: Vec<NewItem>| create(items).unpriced_products().len();
    assert_eq!(
        looked_up(vec![
            new_item("11", 1, "10"),
            unpriced("77"),
            unpriced("77"),
            unpriced("28")
        ]),
        2
    );
    // More than an order can have are refused anyway, and that is what is said.
    let many: Vec<_> = (0..=MAX_PRODUCTS).map(|n| unpriced(&n.to_string())).collect();
    assert_eq!(looked_up(many.clone()), MAX_PRODUCTS);
    let command = create(many);
    let products = command.unpriced_products();
    let context = Context {
        products: products.iter().map(|id| product(id.as_str(), "USD", None)).collect(),
        ..context()
    };
    Outcome(decide(None, command, &context)).then_invalid("items");
    assert_eq!(submit().unpriced_products(), Vec::<&ProductId>::new());
}

#[test]
fn one_product_has_one_price_in_an_order() {
    let conflict = |field: &str| OrderError::ConflictingPrice {
        field: field.into(),
        product_id: "11".parse().unwrap(),
        existing: dec("10.00"),
        given: dec("9.99"),
    };
    given([order()])
        .when(OrderCommand::AddOrderItem(new_item("11", 1, "9.99")))
        .then_refused(conflict("unit_price"));
    given([])
        .when(create(vec![new_item("11", 1, "10"), new_item("11", 1, "9.99")]))
        .then_refused(conflict("items[1].unit_price"));
}

#[test]
fn a_line_has_at_most_10_000_pieces() {
    let full = || given([created([item("11", 9_999, "1.00")])]);
    full()
        .when(OrderCommand::AddOrderItem(new_item("11", 1, "1")))
        .then([OrderEvent::OrderItemAdded(item("11", 1, "1.00"))]);
    full()
        .when(OrderCommand::AddOrderItem(new_item("11", 2, "1")))
        .then_invalid("quantity");
}

#[test]
fn an_order_has_at_most_500_products() {
    let lines = |count: usize| (0..count).map(|n| item(&n.to_string(), 1, "1.00"));
    let new_lines = |count: usize| (0..count).map(|n| new_item(&n.to_string(), 1, "1")).collect();
    given([]).when(create(new_lines(500))).then([created(lines(500))]);
    given([]).when(create(new_lines(501))).then_invalid("items");
    given([created(lines(500))])
        .when(OrderCommand::AddOrderItem(new_item("one more", 1, "1")))
        .then_invalid("product_id");
}

#[test]
fn the_texts_of_an_orders_items_fit_into_one_item_of_the_table() {
    let long = |n: usize| {
        let mut item = new_item(&format!("{n:03}{}", "漢".repeat(61)), 1, "1");
        item.product_name = Some("漢".repeat(200).parse().unwrap());
        item
    };
    let bytes = 3 + 61 * 3 + 200 * 3;
    let fitting = MAX_ITEM_TEXT_BYTES / bytes;
    assert!(given([]).when(create((0..fitting).map(long).collect())).0.is_ok());
    given([])
        .when(create((0..=fitting).map(long).collect()))
        .then_refused(OrderError::TooLarge {
            bytes: (fitting + 1) * bytes,
        });
}

#[test]
fn a_price_suits_the_currency() {
    given([order()])
        .when(OrderCommand::AddOrderItem(new_item("1", 1, "1.999")))
        .then_invalid("unit_price");
    given([order()])
        .when(OrderCommand::AddOrderItem(new_item("1", 1, "-1")))
        .then_invalid("unit_price");
    given([])
        .when(create(vec![new_item("1", 1, "-1")]))
        .then_invalid("items[0].unit_price");
    given([order()])
        .when(OrderCommand::AddOrderItem(new_item("1", 1, "0")))
        .then([OrderEvent::OrderItemAdded(item("1", 1, "0.00"))]);
}

#[test]
fn only_a_product_of_the_order_can_be_removed() {
    given([order()]).when(remove("11")).then([OrderEvent::OrderItemRemoved {
        product_id: "11".parse().unwrap(),
    }]);
    given([order()])
        .when(remove("42"))
        .then_refused(OrderError::ItemNotFound {
            product_id: "42".parse().unwrap(),
        });
}

#[test]
fn an_order_without_items_is_neither_submitted_nor_confirmed() {
    let none = |command| OrderError::NoItems { command };
    given([created([])]).when(submit()).then_refused(none("SubmitOrder"));
    given([created([])]).when(confirm()).then_refused(none("ConfirmOrder"));
}

#[test]
fn confirming_an_open_order_submits_it_in_the_same_append() {
    given([order(), submitted()]).when(confirm()).then([confirmed()]);
    let payment_method_id = Some("pm".parse().unwrap());
    given([order()])
        .when(confirm())
        .then([OrderEvent::OrderSubmitted { payment_method_id }, confirmed()]);
}

#[test]
fn a_payment_is_the_whole_total_with_tax() {
    let history = || given([order(), submitted(), confirmed()]);
    history().when(pay("22")).then([paid()]);
    history().when(pay("20")).then_refused(OrderError::AmountMismatch {
        due: dec("22.00"),
        given: dec("20.00"),
        currency: Currency::USD,
    });
    history().when(pay("22.001")).then_invalid("amount");
}

#[test]
fn a_refund_defaults_to_what_was_paid_and_never_exceeds_it() {
    let unpaid = || given([order(), submitted(), confirmed()]);
    unpaid().when(cancel(None)).then([cancelled("0.00")]);
    unpaid().when(cancel(Some("0.01"))).then_invalid("refund_amount");

    let paid_for = || given([order(), submitted(), confirmed(), paid()]);
    paid_for().when(cancel(None)).then([cancelled("22.00")]);
    paid_for().when(cancel(Some("5"))).then([cancelled("5.00")]);
    paid_for().when(cancel(Some("22.01"))).then_invalid("refund_amount");
}

/// Section 4's table, whole: every command from every status.
#[test]
fn a_command_is_possible_from_its_statuses_and_from_no_other() {
    let delivered = || OrderEvent::OrderDelivered {};
    let histories = [
        (OrderStatus::Created, vec![order()]),
        (OrderStatus::Submitted, vec![order(), submitted()]),
        (OrderStatus::Confirmed, vec![order(), submitted(), confirmed()]),
        (OrderStatus::Paid, vec![order(), submitted(), confirmed(), paid()]),
        (OrderStatus::Shipped, vec![order(), submitted(), confirmed(), shipped()]),
        (
            OrderStatus::Delivered,
            vec![order(), submitted(), confirmed(), shipped(), delivered()],
        ),
        (OrderStatus::Cancelled, vec![order(), cancelled("0.00")]),
    ];
    use OrderStatus::{Cancelled, Confirmed, Created, Delivered, Paid, Shipped, Submitted};
    let commands = [
        (
            OrderCommand::AddOrderItem(new_item("1", 1, "1")),
            vec![(Created, Created)],
        ),
        (remove("11"), vec![(Created, Created)]),
        (submit(), vec![(Created, Submitted)]),
        (confirm(), vec![(Created, Confirmed), (Submitted, Confirmed)]),
        (pay("22"), vec![(Confirmed, Paid)]),
        (ship(), vec![(Confirmed, Shipped), (Paid, Shipped)]),
        (OrderCommand::DeliverOrder, vec![(Shipped, Delivered)]),
        (
            cancel(None),
            [Created, Submitted, Confirmed, Paid]
                .map(|from| (from, Cancelled))
                .to_vec(),
        ),
    ];
    for (command, allowed) in commands {
        for (status, history) in &histories {
            let before = Order::fold(None, history).unwrap();
            assert_eq!(before.status, *status);
            let outcome = decide(Some(&before), command.clone(), &context());
            match allowed.iter().find(|(from, _)| from == status) {
                Some((_, to)) => {
                    let after = Order::fold(Some(before), &outcome.unwrap()).unwrap();
                    assert_eq!(after.status, *to, "{} from {status}", command.as_ref());
                }
                None => assert_eq!(
                    outcome,
                    Err(OrderError::InvalidTransition {
                        command: (&command).into(),
                        status: *status
                    })
                ),
            }
        }
        given([]).when(command).then_refused(OrderError::NotFound);
    }
}

#[test]
fn tax_is_rounded_half_even_on_the_subtotal() {
    let total = |price: &str, rate: &str| {
        let OrderEvent::OrderCreated {
            customer_id,
            currency,
            shipping_address,
            ..
        } = created([])
        else {
            unreachable!("created() makes an OrderCreated");
        };
        let event = OrderEvent::OrderCreated {
            customer_id,
            currency,
            tax: tax(rate),
            items: vec![item("1", 1, price)],
            shipping_address,
        };
        let order = Order::evolve(None, &event).unwrap();
        (order.tax_amount().to_string(), order.total_amount().to_string())
    };
    assert_eq!(total("0.25", "0.1"), ("0.02".into(), "0.27".into()));
    assert_eq!(total("0.35", "0.1"), ("0.04".into(), "0.39".into()));
    assert_eq!(total("99.99", "0.0825"), ("8.25".into(), "108.24".into()));
    assert_eq!(total("99.99", "0"), ("0.00".into(), "99.99".into()));
}

#[test]
fn the_largest_possible_order_is_computed_exactly() {
    let items = (0..MAX_PRODUCTS).map(|n| item(&n.to_string(), Quantity::MAX, "999999999999.00"));
    let order = Order::evolve(None, &created(items)).unwrap();
    assert_eq!(order.subtotal().to_string(), "4999999999995000000.00");
    assert_eq!(order.total_amount().to_string(), "5499999999994500000.00");
}

#[test]
fn an_order_of_any_total_can_be_paid_and_refunded() {
    let history = [
        created([item("11", 10_000, "999999999999.00")]),
        submitted(),
        confirmed(),
    ];
    let paid = OrderEvent::OrderPaid {
        transaction_id: "tx".parse().unwrap(),
        amount: dec("10999999999989000.00"),
    };
    given(history.clone())
        .when(pay("10999999999989000"))
        .then([paid.clone()]);
    given(history.into_iter().chain([paid]))
        .when(cancel(Some("10999999999989000")))
        .then([cancelled("10999999999989000.00")]);
}

#[test]
fn events_on_nothing_leave_nothing() {
    assert_eq!(Order::fold(None, &[submitted(), paid()]), None);
}
