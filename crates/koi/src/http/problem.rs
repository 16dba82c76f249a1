//! The one place where a refusal becomes an answer: RFC 9457 problem documents, in English and Chinese.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use koi_core::refusal::Refusal;
use koi_core::time::Time;
use serde::Serialize;
use serde_json::Value;

use crate::engine::readers::Unread;
use crate::engine::work::Failure;
use crate::http::coupons::CouponOut;
use crate::http::language::Language;
use crate::limits;
use crate::schema::Instant;

/// A text in both languages.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) en: Cow<'static, str>,
    pub(crate) zh: Cow<'static, str>,
}

impl Text {
    pub(crate) fn new(en: impl Into<Cow<'static, str>>, zh: impl Into<Cow<'static, str>>) -> Self {
        Self { en: en.into(), zh: zh.into() }
    }

    pub(crate) fn get(&self, language: Language) -> &str {
        match language {
            Language::English => &self.en,
            Language::Chinese => &self.zh,
        }
    }
}

/// A kind of problem: what its code, status and title are. The page `/docs/problems` lists all of them.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) code: &'static str,
    pub(crate) status: u16,
    pub(crate) retryable: bool,
    pub(crate) en: &'static str,
    pub(crate) zh: &'static str,
}

macro_rules! kinds {
    ($($code:literal $status:literal $retryable:literal $en:literal $zh:literal;)*) => {
        /// All kinds of problems, in the order of the documentation.
        pub(crate) const KINDS: &[Kind] = &[$(
            Kind { code: $code, status: $status, retryable: $retryable, en: $en, zh: $zh },
        )*];
    };
}

kinds! {
    "unauthenticated" 401 false "No key, or one that does not work" "缺少密钥或密钥无效";
    "forbidden" 403 false "This key may not do that" "该密钥无权执行此操作";
    "not_found" 404 false "There is no such thing" "对象不存在";
    "method_not_allowed" 405 false "This address does not take that method" "该地址不支持此方法";
    "request_timeout" 408 true "The request took too long to arrive" "请求到达超时";
    "body_too_large" 413 false "The body is too large" "请求体过大";
    "idempotency_key_missing" 400 false "An Idempotency-Key header is needed" "缺少 Idempotency-Key 请求头";
    "idempotency_key_reused" 422 false "The key was used for another request" "该幂等键已用于其他请求";
    "invalid_request" 422 false "The request is not valid" "请求无效";
    "invalid_amount" 422 false "The amount is not valid" "金额无效";
    "already_exists" 409 false "The id is taken" "该标识已被占用";
    "too_many_campaigns" 409 false "The installation is full" "活动数量已达上限";
    "invalid_transition" 409 false "The campaign's state does not allow it" "活动当前状态不允许此操作";
    "beacon_other_round" 422 false "Another round than the campaign's" "轮次与活动不符";
    "beacon_other_chain" 422 false "A round of another chain" "轮次属于其他链";
    "beacon_not_canonical" 422 false "The signature is not in its one encoding" "签名编码不规范";
    "beacon_signature_wrong" 422 false "Not the chain's signature of the round" "签名无效";
    "beacon_randomness_wrong" 422 false "The randomness is not that of the signature" "随机数与签名不符";
    "beacon_early" 409 true "The round's time has not come" "该轮次时间未到";
    "unknown_campaign" 404 false "There is no such campaign" "活动不存在";
    "unknown_code" 404 false "There is no such code" "红包码不存在";
    "code_revoked" 410 false "The code is no longer valid" "红包码已失效";
    "campaign_not_started" 409 true "The campaign has not started" "活动尚未开始";
    "campaign_ended" 409 false "The campaign has ended" "活动已结束";
    "campaign_paused" 409 true "The campaign is paused" "活动已暂停";
    "campaign_not_live" 409 true "The campaign is not live" "活动尚未上线";
    "not_verified" 403 false "The shopper is not verified" "用户未实名认证";
    "id_country_not_eligible" 403 false "IDs of this country are not eligible" "该证件签发地不符合活动条件";
    "store_country_not_eligible" 403 false "Stores in this country are not eligible" "该国家或地区的门店不参加活动";
    "store_not_participating" 403 false "The store does not take part" "该门店不参加活动";
    "coupon_already_held" 409 true "A coupon is already held" "已持有有效红包";
    "person_holds_coupon" 409 true "The person holds a coupon through another account" "同一用户的其他账号已持有有效红包";
    "limit_reached" 409 true "All coupons of this period were received" "本期领取次数已达上限";
    "sold_out" 409 true "No red packet is left" "红包已领完";
    "not_published" 409 true "It is not in the public log yet" "尚未写入公开日志";
    "coupon_not_active" 409 false "The coupon is not active" "红包券当前不可用";
    "no_rate" 409 true "There is no exchange rate" "缺少汇率";
    "quote_not_open" 409 false "The quote was paid or cancelled" "报价已支付或已撤销";
    "quote_expired" 409 true "The quote ran out" "报价已过期";
    "payment_cancelled" 409 false "The payment was cancelled" "支付已撤销";
    "already_refunded" 409 false "The payment was refunded" "支付已退款";
    "cancel_window_closed" 409 false "It is too late to cancel" "已超过可撤销时间";
    "refund_window_closed" 409 false "It is too late to refund" "已超过可退款时间";
    "refund_exceeds_payment" 409 false "More than what is left of the payment" "退款金额超过可退余额";
    "clock_backwards" 409 false "The clock does not go backwards" "时钟不能倒退";
    "busy" 503 true "Too much is going on" "系统繁忙";
    "storage_unavailable" 503 true "The storage does not take changes now" "存储暂不可写";
    "stopping" 503 true "The server is stopping" "服务正在停止";
    "internal" 500 false "Something is broken" "系统内部错误";
}

fn kind(code: &str) -> &'static Kind {
    KINDS.iter().find(|kind| kind.code == code).unwrap_or(&KINDS[KINDS.len() - 1])
}

/// A problem: one refused or failed request.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    kind: &'static Kind,
    detail: Text,
    retryable: bool,
    next_allowed_at: Option<Time>,
    pointer: Option<String>,
    /// Boxed, as the whole is carried by every result here.
    coupon: Option<Box<Value>>,
    retry_after: bool,
}

impl Problem {
    /// A problem of a kind, with what happened and what to do.
    pub(crate) fn new(code: &str, detail: Text) -> Self {
        let kind = kind(code);
        let retry_after = kind.status == 503;
        let retryable = kind.retryable;
        Self { kind, detail, retryable, next_allowed_at: None, pointer: None, coupon: None, retry_after }
    }

    /// A problem that says no more than its title.
    pub(crate) fn plain(code: &str) -> Self {
        let kind = kind(code);
        Self::new(code, Text::new(kind.en, kind.zh))
    }

    /// A body that is not valid: at a JSON pointer, for a reason.
    pub(crate) fn invalid(pointer: String, why: &Text) -> Self {
        let field = if pointer.is_empty() {
            Text::new("the body", "请求体")
        } else {
            Text::new(pointer.clone(), pointer.clone())
        };
        let detail = Text::new(format!("{}: {}", field.en, why.en), format!("{}：{}", field.zh, why.zh));
        Self { pointer: Some(pointer), ..Self::new("invalid_request", detail) }
    }

    pub(crate) fn with_coupon(self, coupon: Value) -> Self {
        Self { coupon: Some(Box::new(coupon)), ..self }
    }

    /// A refusal that time heals: at an instant, or never if there is none.
    pub(crate) fn healing_at(self, next_allowed_at: Option<Time>) -> Self {
        Self { retryable: self.retryable && next_allowed_at.is_some(), next_allowed_at, ..self }
    }

    pub(crate) fn status(&self) -> u16 {
        self.kind.status
    }

    /// The problem's document in a language.
    pub(crate) fn document<'a>(&'a self, language: Language, request_id: &'a str) -> Document<'a> {
        let title = match language {
            Language::English => self.kind.en,
            Language::Chinese => self.kind.zh,
        };
        Document {
            r#type: format!("/docs/problems#{}", self.kind.code),
            title,
            status: self.kind.status,
            detail: self.detail.get(language),
            code: self.kind.code,
            retryable: self.retryable,
            next_allowed_at: self.next_allowed_at.map(|time| time.to_string()),
            pointer: self.pointer.as_deref(),
            coupon: self.coupon.as_deref(),
            request_id,
        }
    }

    /// The problem as the answer to a request, in a language.
    pub(crate) fn render(&self, language: Language, request_id: &str) -> Response {
        let body = serde_json::to_vec(&self.document(language, request_id)).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() =
            StatusCode::from_u16(self.kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        let language = if language == Language::Chinese { "zh" } else { "en" };
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language));
        if self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(limits::RETRY_AFTER_S));
        }
        if self.kind.status == 401 {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// A refused or failed request (RFC 9457).
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Document<'a> {
    /// Where the code is explained, on this server.
    r#type: String,
    /// What the code means, in the language asked for.
    title: &'a str,
    /// The answer's status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What happened, and what to do.
    detail: &'a str,
    /// What programs decide by: it never changes.
    code: &'a str,
    /// Whether the same call can succeed later.
    retryable: bool,
    /// When, where time heals it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Instant>, nullable = false)]
    next_allowed_at: Option<String>,
    /// The JSON pointer of the field that is wrong (`?name` for a parameter).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pointer: Option<&'a str>,
    /// The coupon that is held, with `coupon_already_held`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<CouponOut>, nullable = false)]
    coupon: Option<&'a Value>,
    /// The request's id, the same as in the header `x-request-id`.
    request_id: &'a str,
}

/// The language is known only at the door: until there the problem travels beside an empty answer.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() =
            StatusCode::from_u16(self.kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.extensions_mut().insert(Box::new(self));
        response
    }
}

impl From<Unread> for Problem {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Busy => Problem::new(
                "busy",
                Text::new("Too much is being read at once. Try again shortly.", "当前读取请求过多，请稍后重试。"),
            ),
            Unread::Store(error) => {
                tracing::error!(%error, "a read failed");
                Problem::from(&Failure::from(&error))
            }
        }
    }
}

impl From<&Failure> for Problem {
    fn from(failure: &Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => Problem::from(refusal),
            Failure::Busy => Problem::new(
                "busy",
                Text::new(
                    "The queue is full and nothing has happened. Try again shortly.",
                    "队列已满，未做任何更改。请稍后重试。",
                ),
            ),
            Failure::CatchingUp => Problem::new(
                "busy",
                Text::new(
                    "Coupons that expired are being booked, and nothing has happened. Try again shortly.",
                    "正在处理到期的红包，未做任何更改。请稍后重试。",
                ),
            ),
            Failure::Unavailable => Problem::new(
                "storage_unavailable",
                Text::new(
                    "The storage is full or fails. Try again with the same Idempotency-Key.",
                    "存储已满或出现故障。请使用相同的 Idempotency-Key 重试。",
                ),
            ),
            Failure::Stopping => Problem::new(
                "stopping",
                Text::new(
                    "The server is stopping. Try again with the same Idempotency-Key.",
                    "服务正在停止。请使用相同的 Idempotency-Key 重试。",
                ),
            ),
            Failure::Unaccepted(unaccepted) => Problem::from(unaccepted),
            Failure::ClockBackwards(now) => Problem::new(
                "clock_backwards",
                Text::new(
                    format!("The sandbox's clock stands at {now}; give a time at or after it."),
                    format!("沙箱时钟当前为 {now}，请提供不早于该时刻的时间。"),
                ),
            ),
            Failure::Fault => Problem::new(
                "internal",
                Text::new(
                    "Nothing was changed. The server's log has the reason.",
                    "未做任何更改。原因见服务器日志。",
                ),
            ),
        }
    }
}

impl From<&Refusal> for Problem {
    fn from(refusal: &Refusal) -> Self {
        let problem = Problem::new(refusal.code(), detail(refusal));
        match refusal {
            Refusal::CampaignNotStarted(at)
            | Refusal::PersonHoldsCoupon(at)
            | Refusal::CouponAlreadyHeld(_, at) => problem.healing_at(Some(*at)),
            Refusal::LimitReached(next) => problem.healing_at(*next),
            _ => problem,
        }
    }
}

/// What happened, and what to do.
fn detail(refusal: &Refusal) -> Text {
    let code = kind(refusal.code());
    match refusal {
        Refusal::CampaignNotStarted(at) => Text::new(
            format!("The campaign starts at {at}. Come back then."),
            format!("活动将于 {at} 开始，届时再来。"),
        ),
        Refusal::CampaignEnded => Text::new(
            "No more coupons are given. Coupons already held keep working.",
            "活动已停止发放，已领取的红包券仍可使用。",
        ),
        Refusal::CampaignPaused => {
            Text::new("The organiser paused the campaign. Try again later.", "主办方已暂停活动，请稍后再试。")
        }
        Refusal::CampaignNotLive => Text::new(
            "The campaign is not approved, not funded for its whole stock, or waits for its public randomness. Try again \
             later.",
            "活动尚未获批、资金尚未覆盖全部库存，或仍在等待公共随机数。请稍后再试。",
        ),
        Refusal::CodeRevoked => Text::new(
            "This code was replaced. Look for the new one in the store.",
            "该红包码已被更换，请扫描店内的新红包码。",
        ),
        Refusal::NotVerified => {
            Text::new("Verify the account against an ID in the wallet first.", "请先在钱包中完成实名认证。")
        }
        Refusal::CouponAlreadyHeld(coupon, at) => Text::new(
            format!("Coupon {} is still valid. Use it, or come back at {at}.", coupon.id),
            format!("红包券 {} 仍然有效。请先使用，或于 {at} 后再来。", coupon.id),
        ),
        Refusal::PersonHoldsCoupon(at) => Text::new(
            format!("Another account of the same person holds a valid coupon. Come back at {at}."),
            format!("同一用户的其他账号持有有效红包券，请于 {at} 后再来。"),
        ),
        Refusal::LimitReached(Some(at)) => {
            Text::new(format!("The next period starts at {at}."), format!("下一个领取周期于 {at} 开始。"))
        }
        Refusal::LimitReached(None) => {
            Text::new("No further period follows in this campaign.", "本活动不再有后续领取周期。")
        }
        Refusal::SoldOut => Text::new(
            "Packets that expire unused may come back. Try again later.",
            "过期未用的红包可能退回库存，可稍后再试。",
        ),
        Refusal::InvalidAmount => Text::new(
            "The amount must be above zero, in the expected currency, and within range.",
            "金额必须大于零、币种正确且在允许范围内。",
        ),
        Refusal::NoRate => Text::new(
            "No rate is in force for the store's currency. The acquirer sets it with PUT /v1/rates.",
            "该门店币种尚无生效汇率，请收单机构通过 PUT /v1/rates 设置。",
        ),
        Refusal::QuoteExpired => Text::new("Ask for a new quote.", "请重新获取报价。"),
        Refusal::KeyReused => Text::new(
            "The same Idempotency-Key came with another path or body before. Use a new key for a new request.",
            "相同的 Idempotency-Key 曾用于其他路径或请求体。新请求请使用新键。",
        ),
        Refusal::OwnSubmission => Text::new(
            "Who submitted a campaign cannot approve it. Somebody else must.",
            "提交人不能审批自己提交的活动，须由他人审批。",
        ),
        Refusal::InvalidTransition => Text::new(
            "The campaign's status does not allow this. GET the campaign to see where it stands.",
            "活动当前状态不允许此操作，可查询活动了解其状态。",
        ),
        Refusal::CancelWindowClosed => Text::new("Refund the payment instead.", "请改用退款。"),
        _ => Text::new(code.en, code.zh),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_listed_once() {
        for (place, kind) in KINDS.iter().enumerate() {
            assert!(!KINDS[..place].iter().any(|other| other.code == kind.code), "{}", kind.code);
            assert!(!kind.en.is_empty() && !kind.zh.is_empty());
        }
    }

    #[test]
    fn a_limit_is_retryable_only_when_a_period_follows() {
        let document = |next| {
            let problem = Problem::from(&Refusal::LimitReached(next));
            serde_json::to_value(problem.document(Language::English, "")).unwrap()
        };
        let healing = document(Some(Time::of_ms(1_531_584_000_000)));
        assert_eq!(healing["retryable"], true);
        assert_eq!(healing["next_allowed_at"], "2018-07-14T16:00:00.000Z");
        let last = document(None);
        assert_eq!(last["retryable"], false);
        assert!(last.get("next_allowed_at").is_none());
    }
}
