//! People scan codes and claim.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::load::{Head, Outcome, Request, Work, refusal};
use crate::people::{People, Person, write_hexadecimal};
use crate::random::Random;
use crate::stage::Stage;

/// An endless line of claims, or one of a given length.
pub(super) struct Claims {
    head: Head,
    people: Arc<People>,
    stage: Arc<Stage>,
    /// Claims left to all threads together; without it the line is endless.
    left: Option<Arc<AtomicU64>>,
    random: Random,
}

impl Claims {
    pub(super) fn new(head: Head, people: Arc<People>, stage: Arc<Stage>, left: Option<Arc<AtomicU64>>) -> Claims {
        let random = people.stream();
        Claims { head, people, stage, left, random }
    }
}

impl Work for Claims {
    fn next(&mut self, _connection: usize, request: &mut Request) -> bool {
        if let Some(left) = &self.left
            && left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_err()
        {
            return false;
        }
        let person = self.people.next(&mut self.random);
        let code = &self.stage.codes[self.random.below(self.stage.codes.len() as u64) as usize];
        let key = [self.random.number(), self.random.number()];
        request.post(
            &self.head,
            |text| key.iter().for_each(|&half| write_hexadecimal(text, half)),
            |text| write_claim(text, code, person),
        );
        true
    }

    fn judge(&mut self, _connection: usize, status: u16, body: &[u8]) -> Outcome {
        if status == 201 { Outcome::Done } else { refusal(status, body) }
    }
}

/// The body of a claim; a person has one account here, of the same name behind another letter.
fn write_claim(text: &mut Vec<u8>, code: &str, person: Person) {
    text.extend_from_slice(br#"{"code":""#);
    text.extend_from_slice(code.as_bytes());
    text.extend_from_slice(br#"","#);
    write_shopper(text, person);
    // Reopens the shopper for the two facts that only a claim needs.
    text.pop();
    text.extend_from_slice(br#","verified":true,"id_country":"CN"}}"#);
}

/// The member `shopper`, as quotes have it.
pub(super) fn write_shopper(text: &mut Vec<u8>, person: Person) {
    text.extend_from_slice(br#""shopper":{"account":"a"#);
    person.write_id(text);
    text.extend_from_slice(br#"","person":"p"#);
    person.write_id(text);
    text.extend_from_slice(br#""}"#);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_what_the_contract_asks_for() {
        let mut text = Vec::new();
        write_claim(&mut text, "7F3K9Q2M", Person(1));
        let claim: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
        let account = claim["shopper"]["account"].as_str().expect("an account");
        assert_eq!(
            claim,
            serde_json::json!({"code": "7F3K9Q2M", "shopper": {
                "account": account, "person": account.replacen('a', "p", 1), "verified": true, "id_country": "CN"}})
        );
    }
}
