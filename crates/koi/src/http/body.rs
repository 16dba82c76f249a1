//! Reading a request: its key, and its body into a type. What is wrong is named by its JSON pointer.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::HeaderMap;
use koi_core::idempotency::Asked;
use koi_core::rules::Why;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use crate::connections::body::{self, Unread};
use crate::engine::keys::Caller;
use crate::engine::work::Failure;
use crate::fields::LANGUAGES;
use crate::http::problem::{Problem, Text};
use crate::limits;

/// A changing request, read: its idempotency key, its path, its body.
pub(crate) struct Posted<T> {
    key: String,
    path: String,
    /// The body as JSON in one form, so that equal values are equal bytes.
    canonical: Vec<u8>,
    pub(crate) body: T,
}

impl<T: DeserializeOwned + Serialize> Posted<T> {
    /// Reads a request whose type writes back exactly what it read (names, integers, booleans).
    pub(crate) async fn read(request: Request) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let key = idempotency_key(&parts.headers)?;
        let bytes = read_body(body, limits::BODY_BYTES).await?;
        let body: T = parse(&bytes)?;
        let canonical = serde_json::to_vec(&body).unwrap_or_default();
        Ok(Self { key, path: parts.uri.path().to_owned(), canonical, body })
    }
}

impl<T: DeserializeOwned + Serialize + Send + 'static> Posted<T> {
    /// Reads a request of the office; its body is compared as JSON.
    pub(crate) async fn read_document(request: Request, limit: usize) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let key = idempotency_key(&parts.headers)?;
        let bytes = read_body(body, limit).await?;
        let bytes = if bytes.is_empty() { Bytes::from_static(b"{}") } else { bytes };
        let (body, canonical) = if bytes.len() <= limits::BODY_BYTES {
            document(&bytes)?
        } else {
            // A MiB of short entries takes a tenth of a second: other requests do not wait for that.
            let read = tokio::task::spawn_blocking(move || document(&bytes));
            read.await.map_err(|_| Problem::from(&Failure::Fault))??
        };
        Ok(Self { key, path: parts.uri.path().to_owned(), canonical, body })
    }
}

impl<T> Posted<T> {
    /// The idempotency key in its scope, with the fingerprint of what is asked.
    pub(crate) fn asked(&self, caller: &Caller, scope: &str) -> Asked {
        Asked::new(&caller.principal, scope, &self.key, &self.path, &[&self.canonical])
    }
}

/// A body, and the same as JSON in one form.
fn document<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Result<(T, Vec<u8>), Problem> {
    let body: T = parse(bytes)?;
    let canonical = match serde_json::from_slice::<Value>(bytes) {
        Ok(value) => value.to_string().into_bytes(),
        Err(_) => bytes.to_vec(),
    };
    Ok((body, canonical))
}

/// Reads a body that has no idempotency key: of a `PUT`.
pub(crate) async fn put<T: DeserializeOwned + Serialize>(request: Request) -> Result<T, Problem> {
    let bytes = read_body(request.into_body(), limits::BODY_BYTES).await?;
    parse(&bytes)
}

fn idempotency_key(headers: &HeaderMap) -> Result<String, Problem> {
    let missing = || {
        Problem::new(
            "idempotency_key_missing",
            Text::new(
                "Send an Idempotency-Key header of 1 to 255 visible ASCII characters, a new one for each new request.",
                "请发送 Idempotency-Key 请求头（1 至 255 个可见 ASCII 字符），每个新请求使用新值。",
            ),
        )
    };
    let mut values = headers.get_all("idempotency-key").iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(missing()) };
    let bytes = value.as_bytes();
    let visible = bytes.iter().all(u8::is_ascii_graphic) && (1..=limits::KEY_CHARS).contains(&bytes.len());
    if !visible {
        return Err(missing());
    }
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

async fn read_body(body: Body, limit: usize) -> Result<Bytes, Problem> {
    body::read(body, limit).await.map_err(|why| match why {
        Unread::TooLarge => Problem::new(
            "body_too_large",
            Text::new(format!("At most {limit} bytes are taken here."), format!("此处最多接受 {limit} 字节。")),
        ),
        Unread::TooSlow => Problem::plain("request_timeout"),
        Unread::Broken => {
            Problem::invalid(String::new(), &Text::new("could not be read to its end", "未能完整读取"))
        }
    })
}

/// Parses JSON; only when that fails once more, keeping track of the place.
pub(crate) fn parse<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Result<T, Problem> {
    if let Ok(value) = serde_json::from_slice(bytes) {
        // Serde reads an object from a list of its members too, which nobody means.
        return if bytes.contains(&b'[') { lists_are_lists(bytes, value) } else { Ok(value) };
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let error = match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
        Err(error) => error,
        Ok(_) => {
            let why = Text::new("has something after its end", "末尾有多余内容");
            return Err(Problem::invalid(String::new(), &why));
        }
    };
    let said = error.inner().to_string();
    let pointer = pointer(error.path().iter(), &said);
    Err(Problem::invalid(pointer, &why(&said)))
}

/// Refuses a value that was read from a list where an object is written back.
fn lists_are_lists<T: Serialize>(bytes: &[u8], value: T) -> Result<T, Problem> {
    let sent: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let read = serde_json::to_value(&value).unwrap_or_default();
    match list_for_object(&sent, &read) {
        None => Ok(value),
        Some(pointer) => {
            let why = Text::new("invalid type: sequence, expected an object", "类型不正确，应为对象");
            Err(Problem::invalid(pointer, &why))
        }
    }
}

/// The JSON pointer of the first list that stands for an object.
fn list_for_object(sent: &Value, read: &Value) -> Option<String> {
    match (sent, read) {
        (Value::Array(_), Value::Object(_)) => Some(String::new()),
        (Value::Array(sent), Value::Array(read)) => {
            let mut pairs = sent.iter().zip(read).enumerate();
            pairs.find_map(|(place, (sent, read))| Some(format!("/{place}{}", list_for_object(sent, read)?)))
        }
        (Value::Object(sent), Value::Object(read)) => sent
            .iter()
            .find_map(|(name, sent)| Some(format!("/{name}{}", list_for_object(sent, read.get(name)?)?))),
        _ => None,
    }
}

/// The JSON pointer (RFC 6901) of a place. A missing or unknown field is one step further than the object.
fn pointer<'a>(path: impl Iterator<Item = &'a Segment>, said: &str) -> String {
    let mut steps: Vec<String> = path
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(index.to_string()),
            Segment::Map { key } => Some(key.clone()),
            Segment::Enum { variant } => Some(variant.clone()),
            Segment::Unknown => None,
        })
        .collect();
    if let Some(field) = named_field(said)
        && steps.last().map(String::as_str) != Some(field)
    {
        steps.push(field.to_owned());
    }
    steps.iter().map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1"))).collect()
}

fn named_field(said: &str) -> Option<&str> {
    let rest = ["missing field `", "unknown field `", "duplicate field `"]
        .iter()
        .find_map(|start| said.strip_prefix(start))?;
    rest.split('`').next()
}

/// What serde says, in both languages, without its line and column.
fn why(said: &str) -> Text {
    let said = said.split(" at line ").next().unwrap_or(said);
    if let Some((en, zh)) = said.split_once(LANGUAGES) {
        if let Some(rest) = en.strip_prefix("must be ") {
            return Text::new(format!("must be {rest}"), zh.to_owned());
        }
        return Text::new(en.to_owned(), format!("类型不正确，应为{zh}"));
    }
    let zh = match said {
        said if said.starts_with("missing field") => "缺少该字段",
        said if said.starts_with("unknown field") => "没有该字段",
        said if said.starts_with("duplicate field") => "字段重复",
        said if said.starts_with("invalid type") => "类型不正确",
        said if said.starts_with("invalid value") || said.starts_with("number out of range") => "数值超出范围",
        said if said.starts_with("recursion limit") => "嵌套过深",
        _ => "不是有效的 JSON",
    };
    let en = match said {
        said if said.starts_with("missing field") => "is missing".to_owned(),
        said if said.starts_with("unknown field") => match said.split_once("`, ") {
            Some((_, expected)) => format!("there is no such field, {expected}"),
            None => "there is no such field".to_owned(),
        },
        said if said.starts_with("duplicate field") => "is there twice".to_owned(),
        said => said.to_owned(),
    };
    Text::new(en, zh)
}

/// What is wrong with a rule, in both languages.
pub(crate) fn why_text(why: &Why) -> Text {
    match why {
        Why::Missing => Text::new("is missing", "缺少该字段"),
        Why::Unknown => Text::new("there is no such field", "没有该字段"),
        Why::Form(en, zh) => Text::new(format!("must be {en}"), format!("应{zh}")),
        Why::Range { least, most } => {
            Text::new(format!("must be from {least} to {most}"), format!("应在 {least} 至 {most} 之间"))
        }
        Why::Length { least, most } => Text::new(
            format!("must have from {least} to {most} entries or characters"),
            format!("长度应为 {least} 至 {most}"),
        ),
        Why::WalletCurrency(wallet) => Text::new(
            format!("must be {wallet}, this server's wallet currency"),
            format!("应为本系统的钱包币种 {wallet}"),
        ),
        Why::EndBeforeStart => Text::new("must be after starts_at", "应晚于 starts_at"),
        Why::Repeated => Text::new("is there twice", "重复出现"),
        Why::BudgetTooLarge => Text::new(
            "the stock's value or number exceeds 2^53 - 1 minor units or 2^32 - 1 packets",
            "库存总额或数量超出上限（2^53 - 1 最小货币单位、2^32 - 1 个红包）",
        ),
        Why::Unreadable(said) => Text::new(said.clone(), format!("无法解析：{said}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::{Field, MoneyIn};
    use koi_core::id::StoreId;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, Serialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        store: Field<StoreId>,
        amounts: Vec<MoneyIn>,
    }

    #[test]
    fn an_error_names_the_field() {
        let check = |body: &str, pointer: &str, en: &str, zh: &str| {
            let problem = parse::<Sample>(body.as_bytes()).unwrap_err();
            let said = format!("{problem:?}");
            assert!(said.contains(&format!("pointer: Some({pointer:?})")), "{body}: {said}");
            assert!(said.contains(en), "{body}: {said}");
            assert!(said.contains(zh), "{body}: {said}");
        };
        check("{", "", "EOF", "不是有效的 JSON");
        check("{store", "", "key must be a string", "不是有效的 JSON");
        check(r#"["a",[]]"#, "", "expected an object", "应为对象");
        check(r#"{"store":"a","amounts":[["NZD",1]]}"#, "/amounts/0", "expected an object", "应为对象");
        check(r#"{"store":"a"}"#, "/amounts", "is missing", "缺少");
        check(r#"{"store":"a","amounts":[],"x":1}"#, "/x", "no such field", "没有该字段");
        check(r#"{"store":"a b","amounts":[]}"#, "/store", "must be 1 to 64", "应为 1 至 64");
        check(r#"{"store":5,"amounts":[]}"#, "/store", "invalid type", "类型不正确");
        let money = |value: &str| format!(r#"{{"store":"a","amounts":[{{"currency":"NZD","value":{value}}}]}}"#);
        check(&money("10.5"), "/amounts/0/value", "invalid type", "类型不正确");
        check(&money("1e3"), "/amounts/0/value", "invalid type", "类型不正确");
        check(&money("9223372036854775808"), "/amounts/0/value", "invalid value", "超出范围");
        check(
            &format!("{{\"store\":\"a\",\"amounts\":{}", "[".repeat(500)),
            "/amounts/0/0",
            "invalid type",
            "类型",
        );
        check(r#"{"store":"a","amounts":[]} x"#, "", "after its end", "多余");
    }

    /// Remembers which thread read it.
    #[derive(serde::Serialize)]
    struct Read {
        #[serde(skip)]
        by: std::thread::ThreadId,
    }

    impl<'de> serde::Deserialize<'de> for Read {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            serde::de::IgnoredAny::deserialize(deserializer)?;
            Ok(Self { by: std::thread::current().id() })
        }
    }

    #[tokio::test]
    async fn a_long_document_keeps_no_other_request_waiting() {
        for (bytes, aside) in [(2, false), (limits::BODY_BYTES, false), (limits::BODY_BYTES + 1, true)] {
            let body = format!("\"{}\"", "x".repeat(bytes - 2));
            let request = Request::builder().header("idempotency-key", "k").body(Body::from(body)).unwrap();
            let read = Posted::<Read>::read_document(request, limits::DOCUMENT_BYTES).await.unwrap();
            assert_eq!(read.body.by != std::thread::current().id(), aside, "{bytes} bytes");
            assert_eq!(read.canonical.len(), bytes);
        }
    }
}
