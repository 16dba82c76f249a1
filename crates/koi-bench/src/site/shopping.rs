//! People with a live coupon ask for a quote and pay it: one unit of work is the pair.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Deserialize;

use super::claims::write_shopper;
use crate::load::{Head, Outcome, Request, Work, refusal};
use crate::people::{Person, write_hexadecimal};
use crate::random::Random;
use crate::stage::{PURCHASE_CENTS, Stage, WALLET};

/// People who have not spent their coupon yet, in order of arrival.
#[derive(Debug)]
pub(super) struct Shoppers {
    next: AtomicU64,
    end: u64,
}

impl Shoppers {
    pub(super) fn between(first: u64, end: u64) -> Shoppers {
        Shoppers { next: AtomicU64::new(first), end }
    }

    fn next(&self) -> Option<Person> {
        let ordinal = self.next.fetch_add(1, Ordering::Relaxed);
        (ordinal < self.end).then_some(Person(ordinal))
    }
}

/// Where the pair on a connection stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Pair {
    /// Nobody is at the till.
    Free,
    /// A quote was asked for.
    Asked,
    /// The quote is known by its id, and is to be paid.
    Quoted(String),
    /// The payment was asked for.
    Paying,
}

/// Quotes and payments of one thread.
pub(super) struct Shopping {
    quote: Head,
    pay: Head,
    shoppers: Arc<Shoppers>,
    stage: Arc<Stage>,
    random: Random,
    /// By connection.
    pairs: Vec<Pair>,
}

#[derive(Deserialize)]
struct Quote<'a> {
    id: &'a str,
    no_deduction: Option<&'a str>,
}

impl Shopping {
    pub(super) fn new(shoppers: Arc<Shoppers>, stage: Arc<Stage>, random: Random) -> Shopping {
        let [quote, pay] = ["/v1/quotes", "/v1/payments"].map(|path| Head::post(path, WALLET));
        Shopping { quote, pay, shoppers, stage, random, pairs: Vec::new() }
    }

    fn ask(&mut self, person: Person, request: &mut Request) {
        let store = &self.stage.stores[self.random.below(self.stage.stores.len() as u64) as usize];
        let key = [self.random.number(), self.random.number()];
        request.post(
            &self.quote,
            |text| key.iter().for_each(|&half| write_hexadecimal(text, half)),
            |text| {
                text.push(b'{');
                write_shopper(text, person);
                write!(text, r#","store":"{store}","amount":{{"currency":"NZD","value":{PURCHASE_CENTS}}}}}"#)
                    .expect("a vector takes every byte");
            },
        );
    }

    fn pay(&mut self, quote: &str, request: &mut Request) {
        let key = [self.random.number(), self.random.number()];
        request.post(
            &self.pay,
            |text| key.iter().for_each(|&half| write_hexadecimal(text, half)),
            |text| write!(text, r#"{{"quote":"{quote}"}}"#).expect("a vector takes every byte"),
        );
    }
}

impl Work for Shopping {
    fn next(&mut self, connection: usize, request: &mut Request) -> bool {
        if self.pairs.len() <= connection {
            self.pairs.resize(connection + 1, Pair::Free);
        }
        match std::mem::replace(&mut self.pairs[connection], Pair::Free) {
            Pair::Quoted(quote) => {
                self.pay(&quote, request);
                self.pairs[connection] = Pair::Paying;
            }
            // A connection is only asked again after its answer, so nothing else can be under way.
            Pair::Free | Pair::Asked | Pair::Paying => {
                let Some(person) = self.shoppers.next() else {
                    return false;
                };
                self.ask(person, request);
                self.pairs[connection] = Pair::Asked;
            }
        }
        true
    }

    fn judge(&mut self, connection: usize, status: u16, body: &[u8]) -> Outcome {
        let pair = std::mem::replace(&mut self.pairs[connection], Pair::Free);
        if status != 201 {
            return refusal(status, body);
        }
        if pair == Pair::Paying {
            return Outcome::Done;
        }
        match serde_json::from_slice(body) {
            Ok(Quote { id, no_deduction: None }) => {
                self.pairs[connection] = Pair::Quoted(id.to_owned());
                Outcome::Step
            }
            Ok(Quote { no_deduction: Some(why), .. }) => {
                Outcome::Failed(format!("a quote without deduction: {why}"))
            }
            Err(_) => Outcome::Failed("a quote that is not one".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_shopper() -> Shopping {
        let stage = Stage { codes: vec!["C".into()], stores: vec!["store-1".into()] };
        Shopping::new(Arc::new(Shoppers::between(5, 6)), Arc::new(stage), Random::seeded(1))
    }

    fn body(request: &Request) -> serde_json::Value {
        let text = String::from_utf8_lossy(request.bytes()).into_owned();
        serde_json::from_str(text.split_once("\r\n\r\n").expect("a head").1).expect("JSON")
    }

    #[test]
    fn a_pair_is_a_quote_and_its_payment() {
        let (mut shopping, mut request) = (one_shopper(), Request::default());
        assert!(shopping.next(3, &mut request));
        assert_eq!(body(&request)["amount"], serde_json::json!({"currency": "NZD", "value": 10_000}));
        assert_eq!(body(&request)["store"], "store-1");
        assert_eq!(shopping.judge(3, 201, br#"{"id":"quo_1","no_deduction":null,"rate":"1"}"#), Outcome::Step);
        assert!(shopping.next(3, &mut request));
        assert_eq!(body(&request), serde_json::json!({"quote": "quo_1"}));
        assert_eq!(shopping.judge(3, 201, b"{}"), Outcome::Done);
        assert!(!shopping.next(3, &mut request), "the only shopper has paid");
    }

    #[test]
    fn a_quote_that_takes_no_coupon_is_an_error() {
        let check = |status, answer: &str, kind: &str| {
            let (mut shopping, mut request) = (one_shopper(), Request::default());
            assert!(shopping.next(0, &mut request));
            assert_eq!(shopping.judge(0, status, answer.as_bytes()), Outcome::Failed(kind.to_owned()));
        };
        check(201, r#"{"id":"quo_1","no_deduction":"no_coupon"}"#, "a quote without deduction: no_coupon");
        check(201, "[]", "a quote that is not one");
        check(409, r#"{"code":"no_rate"}"#, "409 no_rate");
    }
}
