//! given(events).when(command).then(events), for every command and every rule.

use super::*;
use serde_json::json;

use crate::aggregate::{Aggregate, StoredEvent, read_events};
use crate::catalogue::Product;
use crate::money::Currency;
use crate::order::state::{Address, ConfirmationNumber, MAX_ITEM_TEXT_BYTES, OrderItem, Tax, TaxRate, Terms};
use crate::order::{NewItem, Quantity, Retired};
use crate::testing::{Given, Outcome};
use crate::text::ProductId;
use rust_decimal::Decimal;
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
        retired: Retired::default(),
        charge: Charge::None,
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

/// One of a product as the catalogue has it.
fn of_catalogue(id: &str) -> OrderItem {
    let (_, product) = product(id, "USD", Some("FR-77"));
    OrderItem {
        product_name: Some(product.name),
        sku: product.sku,
        ..item(id, 1, "13.00")
    }
}

fn new_tee(sku: Option<&str>, quantity: u32) -> NewItem {
    NewItem {
        sku: sku.map(|sku| sku.parse().unwrap()),
        ..new_item("tee", quantity, "15")
    }
}

fn tee(sku: Option<&str>, quantity: u32) -> OrderItem {
    OrderItem {
        sku: sku.map(|sku| sku.parse().unwrap()),
        ..item("tee", quantity, "15.00")
    }
}

fn remove_line(product: &str, sku: Option<&str>) -> OrderCommand {
    OrderCommand::RemoveOrderItem {
        product_id: product.parse().unwrap(),
        which: Which::Sku(sku.map(|sku| sku.parse().unwrap())),
    }
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

fn terms(tax_rate: &str) -> Terms {
    Terms {
        customer_id: "VINET".parse().unwrap(),
        currency: Currency::USD,
        tax: tax(tax_rate),
        shipping_address: address(),
        reference: None,
    }
}

fn create(items: Vec<NewItem>) -> OrderCommand {
    OrderCommand::CreateOrder(CreateOrder {
        terms: terms("0.1"),
        items,
    })
}

fn created(items: impl IntoIterator<Item = OrderItem>) -> OrderEvent {
    OrderEvent::OrderCreated {
        terms: terms("0.1"),
        items: items.into_iter().collect(),
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
        payment_method_id: None,
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
    confirm_with("pm")
}

fn confirm_with(payment_method_id: &str) -> OrderCommand {
    OrderCommand::ConfirmOrder {
        payment_method_id: Some(payment_method_id.parse().unwrap()),
    }
}

fn pay(amount: &str) -> OrderCommand {
    OrderCommand::RecordPayment {
        transaction_id: "tx".parse().unwrap(),
        amount: dec(amount),
        payment_method_id: None,
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
        which: Which::Only,
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

    let merged = Order::fold(None, &[order(), OrderEvent::from(item("11", 3, "10.00"))]).unwrap();
    assert_eq!(merged.items, [item("11", 5, "10.00")]);
}

#[test]
fn an_item_takes_what_it_lacks_from_the_catalogue() {
    given([order()])
        .when(OrderCommand::AddOrderItem(unpriced("77")))
        .then([OrderEvent::from(of_catalogue("77"))]);

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
    // With a price of its own, whose currency is the order's, too.
    let at_its_own_price = OrderItem {
        unit_price: dec("12.00"),
        ..of_catalogue("77")
    };
    given([])
        .when(create(vec![new_item("77", 1, "12")]))
        .then([created([at_its_own_price])]);
    let in_another_currency = OrderItem {
        product_name: Some("Product 59".parse().unwrap()),
        ..item("59", 1, "12.00")
    };
    given([])
        .when(create(vec![new_item("59", 1, "12")]))
        .then([created([in_another_currency])]);
}

#[test]
fn a_line_is_a_product_and_a_sku() {
    given([])
        .when(create(vec![
            new_tee(Some("TEE-RED"), 1),
            new_tee(Some("TEE-BLUE"), 2),
            new_tee(Some("TEE-RED"), 3),
            new_tee(None, 1),
        ]))
        .then([created([
            tee(Some("TEE-RED"), 4),
            tee(Some("TEE-BLUE"), 2),
            tee(None, 1),
        ])]);

    let two = || given([created([tee(Some("TEE-RED"), 1), tee(Some("TEE-BLUE"), 2)])]);
    let after = |given: Given<Order>| given.state().unwrap().items;
    assert_eq!(
        after(two().and(OrderCommand::AddOrderItem(new_tee(Some("TEE-BLUE"), 1)))),
        [tee(Some("TEE-RED"), 1), tee(Some("TEE-BLUE"), 3)]
    );
    assert_eq!(
        after(two().and(remove_line("tee", Some("TEE-RED")))),
        [tee(Some("TEE-BLUE"), 2)]
    );
}

#[test]
fn which_of_several_lines_is_meant_is_to_be_said() {
    let two = || given([created([tee(Some("TEE-RED"), 1), tee(Some("TEE-BLUE"), 2)])]);
    let several = OrderError::SeveralLines {
        product_id: "tee".parse().unwrap(),
        skus: vec![Some("TEE-RED".parse().unwrap()), Some("TEE-BLUE".parse().unwrap())],
    };
    two().when(remove("tee")).then_refused(several.clone());
    two()
        .when(OrderCommand::AddOrderItem(new_tee(None, 1)))
        .then_refused(several);
    two()
        .when(remove_line("tee", None))
        .then_refused(OrderError::ItemNotFound {
            product_id: "tee".parse().unwrap(),
        });

    // A line without a SKU can be named too, and is meant by an item without one.
    let with_plain = || given([created([tee(Some("TEE-RED"), 1), tee(None, 2)])]);
    with_plain()
        .when(remove_line("tee", None))
        .then([OrderEvent::item_removed("tee".parse().unwrap(), None)]);
    with_plain()
        .when(OrderCommand::AddOrderItem(new_tee(None, 1)))
        .then([OrderEvent::from(tee(None, 1))]);

    // The catalogue knows which one is sold today.
    let of_77 = |sku: &str| OrderItem {
        sku: Some(sku.parse().unwrap()),
        ..item("77", 1, "10.00")
    };
    given([created([of_77("OLD-77"), of_77("FR-77")])])
        .when(OrderCommand::AddOrderItem(unpriced("77")))
        .then([OrderEvent::from(of_77("FR-77"))]);
}

#[test]
fn one_more_comes_at_the_price_of_its_line() {
    let cheaper = || OrderItem {
        unit_price: dec("12.00"),
        ..of_catalogue("77")
    };
    given([created([cheaper()])])
        .when(OrderCommand::AddOrderItem(unpriced("77")))
        .then([OrderEvent::from(cheaper())]);
    // Also of a product that the catalogue has no longer, or has with another SKU.
    given([created([item("60", 1, "12.00")])])
        .when(OrderCommand::AddOrderItem(unpriced("60")))
        .then([OrderEvent::from(item("60", 1, "12.00"))]);
    let old = || OrderItem {
        sku: Some("OLD-77".parse().unwrap()),
        ..cheaper()
    };
    given([created([old()])])
        .when(OrderCommand::AddOrderItem(unpriced("77")))
        .then([OrderEvent::from(old())]);
}

#[test]
fn a_line_has_one_name() {
    let named = |name: &str| NewItem {
        product_name: Some(name.parse().unwrap()),
        ..new_item("11", 1, "10")
    };
    given([])
        .when(create(vec![named("Chai"), named("Chang")]))
        .then_refused(OrderError::ConflictingName {
            field: "items[1].product_name".into(),
            product_id: "11".parse().unwrap(),
            existing: "Chai".into(),
        });
    let line = OrderItem {
        product_name: Some("Chai".parse().unwrap()),
        ..item("11", 2, "10.00")
    };
    for items in [
        vec![new_item("11", 1, "10"), named("Chai")],
        vec![named("Chai"), new_item("11", 1, "10")],
    ] {
        given([]).when(create(items)).then([created([line.clone()])]);
    }
    let later = given([order()])
        .and(OrderCommand::AddOrderItem(named("Chai")))
        .state()
        .unwrap();
    assert_eq!(later.items[0].product_name, line.product_name);
}

#[test]
fn events_of_before_mean_the_product_whatever_its_sku() {
    let stored = |event_type: &str, data: serde_json::Value| {
        let event_version = if event_type == "OrderCreated" { 3 } else { 1 };
        let stored = StoredEvent {
            event_type: event_type.to_owned(),
            event_version,
            data,
        };
        read_events::<Order>(stored).unwrap()
    };
    let line =
        |sku: &str, quantity: u32| json!({ "product_id": "tee", "quantity": quantity, "unit_price": "1", "sku": sku });
    let created = stored(
        "OrderCreated",
        json!({
            "customer_id": "VINET", "currency": "USD", "tax": { "rate": "0" }, "items": [line("TEE-RED", 1)],
            "shipping_address": { "street": "59 rue de l'Abbaye", "city": "Reims" },
        }),
    );
    let merged = Order::fold(
        None,
        created.iter().chain(&stored("OrderItemAdded", line("TEE-BLUE", 2))),
    )
    .unwrap();
    assert_eq!(merged.items.len(), 1);
    assert_eq!(merged.items[0].quantity, Quantity::new(3).unwrap());
    assert_eq!(merged.items[0].sku.as_ref().unwrap().as_str(), "TEE-RED");

    let removed = stored("OrderItemRemoved", json!({ "product_id": "tee" }));
    assert_eq!(Order::fold(Some(merged), &removed).unwrap().items, []);
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
    // One more at the price that was named: nobody asked for that of the catalogue.
    let merged = OrderItem {
        quantity: Quantity::new(2).unwrap(),
        unit_price: dec("12.00"),
        ..of_catalogue("77")
    };
    given([])
        .when(create(vec![new_item("77", 1, "12"), unpriced("77")]))
        .then([created([merged])]);
    given([])
        .when(create(vec![unpriced("77"), new_item("77", 1, "12")]))
        .then_refused(OrderError::ConflictingPrice {
            field: "items[1].unit_price".into(),
            product_id: "77".parse().unwrap(),
            existing: dec("13.00"),
            given: dec("12.00"),
        });
}

#[test]
fn every_refused_item_is_named_with_all_that_is_wrong() {
    let named = |name: &str, quantity: u32, price: &str| NewItem {
        product_name: Some(name.parse().unwrap()),
        ..new_item("11", quantity, price)
    };
    let product_id = |id: &str| -> ProductId { id.parse().unwrap() };
    let unknown = |at: usize| OrderError::UnknownProduct {
        field: format!("items[{at}].product_id"),
        product_id: product_id("60"),
    };
    let too_many = |at: usize, there: u32| {
        let reason = format!("a line has at most 10000, and this one has {there} already");
        invalid(format!("items[{at}].quantity"), reason)
    };
    let wrong_price = |at: usize| OrderError::ConflictingPrice {
        field: format!("items[{at}].unit_price"),
        product_id: product_id("11"),
        existing: dec("10.00"),
        given: dec("9.00"),
    };
    let command = create(vec![
        unpriced("60"),
        named("Chai", 9_999, "10"),
        named("Chang", 2, "9"),
        unpriced("59"),
        unpriced("60"),
        // What was refused is not counted on.
        named("Chai", 1, "10"),
        named("Chai", 1, "9"),
    ]);
    given([]).when(command).then_refused(OrderError::Several {
        first: Box::new(unknown(0)),
        others: vec![
            too_many(2, 9_999),
            wrong_price(2),
            OrderError::ConflictingName {
                field: "items[2].product_name".into(),
                product_id: product_id("11"),
                existing: "Chai".into(),
            },
            OrderError::CurrencyMismatch {
                field: "items[3].unit_price".into(),
                product_id: product_id("59"),
                catalogue: "EUR".parse().unwrap(),
                order: Currency::USD,
            },
            unknown(4),
            too_many(6, 10_000),
            wrong_price(6),
        ],
    });

    // Of more than an order can have, the catalogue was not asked for all.
    let many = [unpriced("60")]
        .into_iter()
        .chain((0..500).map(|n| new_item(&format!("p{n}"), 1, "1")));
    let many = many.chain([unpriced("28")]).collect();
    given([]).when(create(many)).then_refused(OrderError::Several {
        first: Box::new(unknown(0)),
        others: vec![too_many_lines("items[500].")],
    });
}

#[test]
fn what_is_so_already_is_not_changed() {
    let elsewhere = || Address {
        city: "Épernay".parse().unwrap(),
        ..address()
    };
    let correct = |shipping_address| OrderCommand::CorrectShippingAddress { shipping_address };
    let corrected = given([order()]).and(correct(elsewhere()));
    assert_eq!(corrected.state().unwrap().terms.shipping_address, elsewhere());
    corrected.when(correct(elsewhere())).then_nothing();
    given([order()]).when(correct(address())).then_nothing();

    let refer = |name: Option<&str>| OrderCommand::ChangeReference {
        reference: name.map(|name| name.parse().unwrap()),
    };
    let named = given([order()]).and(refer(Some("WEB-1")));
    assert_eq!(named.state().unwrap().terms.reference, Some("WEB-1".parse().unwrap()));
    named.when(refer(Some("WEB-1"))).then_nothing();
    given([order()]).when(refer(None)).then_nothing();
    assert_eq!(named.and(refer(None)).state().unwrap().terms.reference, None);
}

#[test]
fn only_products_of_incomplete_items_are_looked_up_each_once() {
    let looked_up = |items: Vec<NewItem>| create(items).products_to_look_up().len();
    let whole = || NewItem {
        product_name: Some("Chai".parse().unwrap()),
        sku: Some("CHAI".parse().unwrap()),
        ..new_item("1", 1, "18")
    };
    let without = [
        NewItem {
            unit_price: None,
            ..whole()
        },
        NewItem {
            product_name: None,
            ..whole()
        },
        NewItem { sku: None, ..whole() },
    ];
    for incomplete in without {
        assert_eq!(looked_up(vec![incomplete, unpriced("77"), whole(), unpriced("77")]), 2);
    }
    assert_eq!(looked_up(vec![whole(), whole()]), 0);
    assert_eq!(create(vec![whole()]).customer_to_look_up(), None);
    // More than an order can have are refused anyway, and that is what is said.
    let many: Vec<_> = (0..=MAX_LINES).map(|n| unpriced(&n.to_string())).collect();
    assert_eq!(looked_up(many.clone()), MAX_LINES);
    let command = create(many);
    let products = command.products_to_look_up();
    let context = Context {
        products: products.iter().map(|id| product(id.as_str(), "USD", None)).collect(),
        ..context()
    };
    Outcome(decide(None, command, &context)).then_invalid("items");
    assert_eq!(submit().products_to_look_up(), Vec::<&ProductId>::new());
}

#[test]
fn what_is_retired_is_in_no_new_order_and_no_new_line_and_all_of_it_is_named() {
    let retired = |customer: bool| Context {
        retired: Retired {
            products: ["77", "28"].map(|id| id.parse().unwrap()).into(),
            customer,
        },
        ..context()
    };
    let refused = |customer: bool, fields: &[(&str, &str)]| {
        let items = fields.iter().map(|(field, id)| OrderError::ProductRetired {
            field: (*field).to_owned(),
            product_id: id.parse().unwrap(),
        });
        let customer = customer.then_some(OrderError::CustomerRetired);
        together(customer.into_iter().chain(items))
    };
    // Two colours of one product are two items.
    let named = |sku: &str| NewItem {
        sku: Some(sku.parse().unwrap()),
        ..unpriced("77")
    };
    let items = || vec![named("RED"), new_item("11", 1, "10"), unpriced("28"), named("BLUE")];
    let fields = [
        ("items[0].product_id", "77"),
        ("items[2].product_id", "28"),
        ("items[3].product_id", "77"),
    ];
    let of_order = |customer| Given::<Order>::new([], retired(customer));
    of_order(false)
        .when(create(items()))
        .then_refused(refused(false, &fields));
    of_order(true)
        .when(create(items()))
        .then_refused(refused(true, &fields));
    of_order(true).when(create(vec![])).then_refused(refused(true, &[]));
    // Beside what else is wrong, in the order of the items.
    let both = vec![unpriced("60"), unpriced("28")];
    of_order(false).when(create(both)).then_refused(OrderError::Several {
        first: Box::new(OrderError::UnknownProduct {
            field: "items[0].product_id".to_owned(),
            product_id: "60".parse().unwrap(),
        }),
        others: vec![refused(false, &[("items[1].product_id", "28")])],
    });
    let bought = OrderItem {
        quantity: Quantity::new(1).unwrap(),
        ..of_catalogue("77")
    };
    let before = || Given::<Order>::new([created([bought.clone()])], retired(false));
    // One more of what the order has.
    before()
        .when(OrderCommand::AddOrderItem(unpriced("77")))
        .then([OrderEvent::from(bought.clone())]);
    before()
        .when(OrderCommand::AddOrderItem(named("BLUE")))
        .then_refused(refused(false, &[("product_id", "77")]));
    before()
        .when(OrderCommand::AddOrderItem(new_item("28", 1, "10")))
        .then_refused(refused(false, &[("product_id", "28")]));
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
        .then([OrderEvent::from(item("11", 1, "1.00"))]);
    full()
        .when(OrderCommand::AddOrderItem(new_item("11", 2, "1")))
        .then_invalid("quantity");
}

#[test]
fn an_order_has_at_most_500_lines() {
    // Of two products: each line has a SKU of its own.
    let product = |n: usize| if n.is_multiple_of(2) { "even" } else { "odd" };
    let lines = |count: usize| {
        (0..count).map(move |n| OrderItem {
            sku: Some(n.to_string().parse().unwrap()),
            ..item(product(n), 1, "1.00")
        })
    };
    let new_lines = |count: usize| {
        let line = |n: usize| NewItem {
            sku: Some(n.to_string().parse().unwrap()),
            ..new_item(product(n), 1, "1")
        };
        (0..count).map(line).collect()
    };
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
        .then([OrderEvent::from(item("1", 1, "0.00"))]);
}

#[test]
fn only_a_product_of_the_order_can_be_removed() {
    given([order()])
        .when(remove("11"))
        .then([OrderEvent::item_removed("11".parse().unwrap(), None)]);
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
    let until_it_ships = [Created, Submitted, Confirmed, Paid]
        .map(|status| (status, status))
        .to_vec();
    let commands = [
        (
            OrderCommand::AddOrderItem(new_item("1", 1, "1")),
            vec![(Created, Created)],
        ),
        (remove("11"), vec![(Created, Created)]),
        (
            OrderCommand::CorrectShippingAddress {
                shipping_address: address(),
            },
            until_it_ships.clone(),
        ),
        (OrderCommand::ChangeReference { reference: None }, until_it_ships),
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
        let event = OrderEvent::OrderCreated {
            terms: terms(rate),
            items: vec![item("1", 1, price)],
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
    let items = (0..MAX_LINES).map(|n| item(&n.to_string(), Quantity::MAX, "999999999999.00"));
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
        payment_method_id: None,
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

/// What the process says, while the order is confirmed with another method.
fn choosing(order: impl IntoIterator<Item = OrderEvent>, charge: Charge, method: &str) -> Outcome<Order> {
    given(order)
        .within(Context { charge, ..context() })
        .when(confirm_with(method))
}

#[test]
fn another_method_is_chosen_only_after_the_one_before_has_failed() {
    let method = |name: &str| name.parse::<PaymentMethodId>().unwrap();
    let order = || [created([item("11", 2, "11.00")]), submitted_with("pm"), confirmed()];
    let not_confirmed = || [created([item("11", 2, "11.00")]), submitted_with("pm")];
    let confirmed_with = |name: &str| OrderEvent::OrderConfirmed {
        payment_method_id: method(name),
        confirmation_number: number(),
    };
    let in_progress = |name: &str| OrderError::PaymentInProgress {
        payment_method_id: method(name),
    };
    // It keeps its number.
    choosing(order(), Charge::Failed(method("pm")), "other").then([confirmed_with("other")]);
    choosing(not_confirmed(), Charge::Failed(method("pm")), "other").then([confirmed_with("other")]);
    // The same card may have been topped up.
    choosing(order(), Charge::Failed(method("pm")), "pm").then([confirmed_with("pm")]);
    choosing(order(), Charge::UnderWay(method("pm")), "other").then_refused(in_progress("pm"));
    choosing(not_confirmed(), Charge::UnderWay(method("pm")), "other").then_refused(in_progress("pm"));
    // The process has not been told of the choice yet.
    choosing(order(), Charge::Failed(method("older")), "other").then_refused(in_progress("pm"));
    choosing(order(), Charge::GivenUp, "other").then_refused(OrderError::GivenUp);
    // Nobody charges anything yet.
    choosing(not_confirmed(), Charge::None, "other").then([confirmed_with("other")]);
    for charge in [Charge::None, Charge::UnderWay(method("pm"))] {
        let refused = choosing(order(), charge, "pm").0.unwrap_err();
        assert!(matches!(refused, OrderError::InvalidTransition { .. }), "{refused}");
    }
    let paid = order().into_iter().chain([paid()]);
    let refused = choosing(paid, Charge::Failed(method("pm")), "other").0.unwrap_err();
    assert!(matches!(refused, OrderError::InvalidTransition { .. }), "{refused}");
}

#[test]
fn where_nothing_is_due_nothing_is_asked_and_the_order_is_paid() {
    let free = || OrderEvent::FreeOrderConfirmed {
        confirmation_number: number(),
    };
    let nothing = OrderCommand::ConfirmOrder {
        payment_method_id: None,
    };
    let order = |price: &str| [created([item("11", 2, price)]), submitted_with("pm")];
    for command in [nothing.clone(), confirm()] {
        given(order("0.00")).when(command).then([free()]);
    }
    given(order("0.01"))
        .when(nothing.clone())
        .then_invalid("payment_method_id");
    // Confirmed by code of before.
    let before = order("0").into_iter().chain([confirmed()]);
    given(before).when(nothing).then([free()]);
    let paid = given(order("0.00").into_iter().chain([free()])).state().unwrap();
    assert_eq!((paid.status, paid.payment.clone()), (OrderStatus::Paid, None));
    assert_eq!(paid.paid_amount().to_string(), "0.00");
    given(order("0.00").into_iter().chain([free()]))
        .when(cancel(None))
        .then([cancelled("0.00")]);
}

#[test]
fn the_order_names_the_method_that_paid() {
    let order = [created([item("11", 2, "11.00")]), submitted_with("pm"), confirmed()];
    let command = OrderCommand::RecordPayment {
        transaction_id: "tx".parse().unwrap(),
        amount: dec("24.20"),
        payment_method_id: Some("other".parse().unwrap()),
    };
    let paid = given(order).and(command).state().unwrap();
    assert_eq!(paid.payment_method_id.unwrap().as_str(), "other");
}

fn submitted_with(payment_method_id: &str) -> OrderEvent {
    OrderEvent::OrderSubmitted {
        payment_method_id: Some(payment_method_id.parse().unwrap()),
    }
}
