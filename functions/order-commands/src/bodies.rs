//! The JSON bodies of the requests, each as the command that it asks for.

use domain::money::{AmountError, Currency};
use domain::order::{Address, CreateOrder, NewItem, OrderCommand, Tax, TaxRate, Terms};
use lambda_edge::http::{Field, Fields};
use rust_decimal::Decimal;

pub fn create_order(body: &mut Fields) -> Option<OrderCommand> {
    let customer_id = body.required("customer_id", Field::text);
    // First, as prices depend on it.
    let currency = body.optional("currency", Field::text);
    let currency = currency.map(|currency| currency.unwrap_or(Currency::USD));
    let items = body.optional("items", |items| {
        items.list(|item| item.object(|item| new_item(item, currency)))
    });
    let shipping_address = body.required("shipping_address", |field| field.object(address));
    let tax = body.optional("tax", |field| field.object(tax));
    let reference = body.optional("reference", Field::text);
    Some(OrderCommand::CreateOrder(CreateOrder {
        terms: Terms {
            customer_id: customer_id?,
            currency: currency?,
            tax: tax?.unwrap_or(Tax {
                rate: TaxRate::ZERO,
                jurisdiction: None,
            }),
            shipping_address: shipping_address?,
            reference: reference?,
        },
        items: items?.unwrap_or_default(),
    }))
}

pub fn add_item(body: &mut Fields) -> Option<OrderCommand> {
    // The order has the currency.
    new_item(body, None).map(OrderCommand::AddOrderItem)
}

fn new_item(body: &mut Fields, currency: Option<Currency>) -> Option<NewItem> {
    let product_id = body.required("product_id", Field::text);
    let quantity = body.required("quantity", Field::whole);
    let unit_price = body.optional("unit_price", |field| field.decimal_as(price_in(currency)));
    let product_name = body.optional("product_name", Field::text);
    let sku = body.optional("sku", Field::text);
    Some(NewItem {
        product_id: product_id?,
        quantity: quantity?,
        unit_price: unit_price?,
        product_name: product_name?,
        sku: sku?,
    })
}

/// A price, held against its currency where that is known.
fn price_in(currency: Option<Currency>) -> impl FnOnce(Decimal) -> Result<Decimal, AmountError> {
    move |price| currency.map_or(Ok(price), |currency| currency.price(price))
}

fn address(body: &mut Fields) -> Option<Address> {
    let street = body.required("street", Field::text);
    let city = body.required("city", Field::text);
    let state = body.optional("state", Field::text);
    let postal_code = body.optional("postal_code", Field::text);
    // The same by another name.
    let zip = match body.has("postal_code") && body.has("zip") {
        true => body.optional("zip", |field| {
            field.accept(Err("is the same as postal_code, and given beside it"))
        }),
        false => body.optional("zip", Field::text),
    };
    let country = body.optional("country", Field::text);
    Some(Address {
        street: street?,
        city: city?,
        state: state?,
        postal_code: postal_code?.or(zip?),
        country: country?,
    })
}

fn tax(body: &mut Fields) -> Option<Tax> {
    let rate = body.required("rate", |field| field.decimal_as(TaxRate::try_from));
    let jurisdiction = body.optional("jurisdiction", Field::text);
    Some(Tax {
        rate: rate?,
        jurisdiction: jurisdiction?,
    })
}

pub fn shipping_address(body: &mut Fields) -> Option<OrderCommand> {
    let shipping_address = address(body)?;
    Some(OrderCommand::CorrectShippingAddress { shipping_address })
}

pub fn reference(body: &mut Fields) -> Option<OrderCommand> {
    let reference = body.optional("reference", Field::text)?;
    Some(OrderCommand::ChangeReference { reference })
}

pub fn submit(body: &mut Fields) -> Option<OrderCommand> {
    let payment_method_id = body.optional("payment_method_id", Field::text)?;
    Some(OrderCommand::SubmitOrder { payment_method_id })
}

pub fn confirm(body: &mut Fields) -> Option<OrderCommand> {
    let payment_method_id = body.optional("payment_method_id", Field::text)?;
    Some(OrderCommand::ConfirmOrder { payment_method_id })
}

pub fn record_payment(body: &mut Fields) -> Option<OrderCommand> {
    let transaction_id = body.required("transaction_id", Field::text);
    let amount = body.required("amount", Field::decimal);
    Some(OrderCommand::RecordPayment {
        transaction_id: transaction_id?,
        amount: amount?,
        payment_method_id: None,
    })
}

pub fn ship(body: &mut Fields) -> Option<OrderCommand> {
    let tracking_number = body.required("tracking_number", Field::text);
    let carrier = body.required("carrier", Field::text);
    Some(OrderCommand::ShipOrder {
        tracking_number: tracking_number?,
        carrier: carrier?,
    })
}

pub fn cancel(body: &mut Fields) -> Option<OrderCommand> {
    let reason = body.required("reason", Field::text);
    let refund_amount = body.optional("refund_amount", Field::decimal);
    Some(OrderCommand::CancelOrder {
        reason: reason?,
        refund_amount: refund_amount?,
    })
}
