//! What customers are told, in what words.

use domain::text::CustomerName;
use messages::Body;
use messages::events::OrderCancelled;
use notifications::templates::{Letter, news};

use super::{ORDER_ID, cancelled, confirmed, method_needed, payment_failed, shipped};

fn letter(body: &Body, name: Option<&CustomerName>) -> Letter {
    news(body, false).unwrap().unwrap().letter(name, None)
}

#[test]
fn a_confirmation_has_the_number_and_the_total() {
    let letter = letter(&confirmed(), Some(&"Vins et alcools".parse().unwrap()));
    assert_eq!(letter.template, "order_confirmed");
    assert_eq!(letter.subject, "Your order C-000000000000 is confirmed");
    assert_eq!(
        letter.text,
        format!(
            "Dear Vins et alcools,\n\n\
             Thank you for your order. It is confirmed under the number C-000000000000; please quote it when you write or \
             call us.\n\n\
             Total: 280.63 EUR\n\
             Order: {ORDER_ID}\n"
        )
    );
}

#[test]
fn names_carriers_and_reasons_of_any_script_stand_as_they_are() {
    for text in [
        "Łódź & Søn <a@b>",
        "株式会社 山田",
        "شركة النور",
        "Ωμέγα {name}",
        "🍷🧀",
    ] {
        let name = text.parse().unwrap();
        let shipped = letter(&shipped(text), Some(&name));
        assert!(
            shipped.text.starts_with(&format!("Dear {text},\n\n")),
            "{}",
            shipped.text
        );
        let carrier = format!("Carrier: {text}\nTracking number: 1Z 999 AA1\n");
        assert!(shipped.text.contains(&carrier), "{}", shipped.text);
        let cancelled = letter(&cancelled(text, "0", "EUR"), Some(&name));
        assert!(
            cancelled.text.contains(&format!("for this reason:\n{text}\n\n")),
            "{}",
            cancelled.text
        );
    }
}

#[test]
fn a_cancellation_names_a_refund_only_where_there_is_one() {
    for (refund, currency, told) in [
        ("280.63", "EUR", Some("You are due 280.63 EUR back.")),
        ("5", "BHD", Some("You are due 5.000 BHD back.")),
        ("5000", "JPY", Some("You are due 5000 JPY back.")),
        ("0.00", "EUR", None),
    ] {
        let letter = letter(&cancelled("r", refund, currency), None);
        assert_eq!(letter.subject, "Your order is cancelled");
        assert!(letter.text.starts_with("Dear customer,\n\n"));
        match told {
            Some(told) => assert!(letter.text.contains(told), "{}", letter.text),
            None => assert!(!letter.text.contains("due"), "{}", letter.text),
        }
    }
}

#[test]
fn a_payment_that_failed_for_good_is_told_without_the_providers_words() {
    let letter = letter(&method_needed(), None);
    assert_eq!(letter.template, "payment_failed");
    assert!(
        letter.text.contains("We keep your order until 2026-11-20 12:15 UTC."),
        "{}",
        letter.text
    );
    for code in ["card_declined", "do_not_honor", "05"] {
        let text = letter.text.replace(ORDER_ID, "");
        assert!(!text.contains(code), "{text}");
    }
}

#[test]
fn what_is_not_the_customers_affair_is_not_told() {
    let is_told = |body: &Body, is_fulfilling| news(body, is_fulfilling).unwrap().is_some();
    for is_fulfilling in [true, false] {
        assert!(!is_told(&payment_failed(true), is_fulfilling));
        assert!(!is_told(&payment_failed(false), is_fulfilling));
        let Body::OrderCancelled(basket) = cancelled("r", "0", "EUR") else {
            unreachable!()
        };
        assert!(is_told(&Body::OrderCancelled(basket.clone()), is_fulfilling));
        let was_submitted = false;
        assert!(!is_told(
            &Body::OrderCancelled(OrderCancelled {
                was_submitted,
                ..basket
            }),
            is_fulfilling
        ));
    }
    // Before the payment, where there will be one.
    assert!(is_told(&confirmed(), false) && !is_told(&confirmed(), true));
}
