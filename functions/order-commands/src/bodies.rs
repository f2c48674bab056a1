//! The JSON bodies of the requests. Unknown fields are refused: a misspelt optional field would be lost silently.

use domain::money::Currency;
use domain::order::{Address, CreateOrder, NewItem, OrderCommand, Quantity, Tax, TaxRate};
use domain::text::{AddressLine, Carrier, Jurisdiction, PostalCode, ProductName, Reason};
use domain::text::{CustomerId, PaymentMethodId, ProductId, Sku, TrackingNumber, TransactionId};
use lambda_edge::http::{Object, exact};
use rust_decimal::Decimal;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateOrderBody {
    customer_id: CustomerId,
    items: Option<Vec<Object<ItemBody>>>,
    shipping_address: Object<AddressBody>,
    currency: Option<Currency>,
    tax: Option<Object<TaxBody>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemBody {
    product_id: ProductId,
    quantity: Quantity,
    /// That of the catalogue, when absent.
    #[serde(default, deserialize_with = "exact::optional_decimal")]
    unit_price: Option<Decimal>,
    product_name: Option<ProductName>,
    sku: Option<Sku>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AddressBody {
    street: AddressLine,
    city: AddressLine,
    state: Option<AddressLine>,
    #[serde(alias = "zip")]
    postal_code: Option<PostalCode>,
    country: Option<AddressLine>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TaxBody {
    #[serde(deserialize_with = "tax_rate")]
    rate: TaxRate,
    jurisdiction: Option<Jurisdiction>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubmitBody {
    payment_method_id: Option<PaymentMethodId>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfirmBody {
    payment_method_id: PaymentMethodId,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaymentBody {
    transaction_id: TransactionId,
    #[serde(deserialize_with = "exact::decimal")]
    amount: Decimal,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShipBody {
    tracking_number: TrackingNumber,
    carrier: Carrier,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CancelBody {
    reason: Reason,
    #[serde(default, deserialize_with = "exact::optional_decimal")]
    refund_amount: Option<Decimal>,
}

fn tax_rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TaxRate, D::Error> {
    exact::decimal(deserializer)?.try_into().map_err(D::Error::custom)
}

impl From<CreateOrderBody> for OrderCommand {
    fn from(body: CreateOrderBody) -> Self {
        let Object(address) = body.shipping_address;
        let tax = body.tax.map(|Object(tax)| tax);
        Self::CreateOrder(CreateOrder {
            customer_id: body.customer_id,
            items: body
                .items
                .into_iter()
                .flatten()
                .map(|Object(item)| item.into())
                .collect(),
            shipping_address: Address {
                street: address.street,
                city: address.city,
                state: address.state,
                postal_code: address.postal_code,
                country: address.country,
            },
            currency: body.currency.unwrap_or(Currency::USD),
            tax: Tax {
                rate: tax.as_ref().map_or(TaxRate::ZERO, |tax| tax.rate),
                jurisdiction: tax.and_then(|tax| tax.jurisdiction),
            },
        })
    }
}

impl From<ItemBody> for NewItem {
    fn from(body: ItemBody) -> Self {
        Self {
            product_id: body.product_id,
            quantity: body.quantity,
            unit_price: body.unit_price,
            product_name: body.product_name,
            sku: body.sku,
        }
    }
}

impl From<ItemBody> for OrderCommand {
    fn from(body: ItemBody) -> Self {
        Self::AddOrderItem(body.into())
    }
}

impl From<SubmitBody> for OrderCommand {
    fn from(body: SubmitBody) -> Self {
        Self::SubmitOrder {
            payment_method_id: body.payment_method_id,
        }
    }
}

impl From<ConfirmBody> for OrderCommand {
    fn from(body: ConfirmBody) -> Self {
        Self::ConfirmOrder {
            payment_method_id: body.payment_method_id,
        }
    }
}

impl From<PaymentBody> for OrderCommand {
    fn from(body: PaymentBody) -> Self {
        Self::RecordPayment {
            transaction_id: body.transaction_id,
            amount: body.amount,
        }
    }
}

impl From<ShipBody> for OrderCommand {
    fn from(body: ShipBody) -> Self {
        Self::ShipOrder {
            tracking_number: body.tracking_number,
            carrier: body.carrier,
        }
    }
}

impl From<CancelBody> for OrderCommand {
    fn from(body: CancelBody) -> Self {
        Self::CancelOrder {
            reason: body.reason,
            refund_amount: body.refund_amount,
        }
    }
}
