//! Merchants, their stores, and the codes that hang there.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use koi_core::catalog::{Code, Merchant, Store};
use koi_core::command::{Answer as Answered, Order};
use koi_core::id::{CodeText, Medium, MerchantId, StoreId};
use koi_core::money::Currency;
use koi_core::rules::Country;
use koi_core::time::{Time, Zone};
use serde::{Deserialize, Serialize};

use crate::engine::keys::Role;
use crate::engine::work::{Failure, OfficeWork, Render, Work};
use crate::fields::{Field, Words};
use crate::http::body::{Posted, why_text};
use crate::http::campaigns::ReasonIn;
use crate::http::door::Named;
use crate::http::problem::Problem;
use crate::http::{Answer, App, json, office_answer};
use crate::limits;
use crate::schema::{CodeCharacters, CodeStatus, CountryCode, CurrencyCode, Instant, Name, ShortText, ZoneName};

const ACQUIRER: &[Role] = &[Role::Acquirer];
const READERS: &[Role] = &[Role::Acquirer, Role::Operator, Role::Auditor, Role::Wallet];

#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewMerchant)]
pub(crate) struct MerchantIn {
    #[schema(value_type = Name)]
    id: Field<MerchantId>,
    #[schema(value_type = ShortText)]
    name: Field<Words>,
    #[schema(value_type = CountryCode)]
    country: Field<Country>,
    /// What the merchant is settled in, and what its stores charge in.
    #[schema(value_type = CurrencyCode)]
    currency: Field<Currency>,
    /// The fee in basis points of the amount: 0 to 10,000.
    #[schema(maximum = 10000, example = 160)]
    fee_bps: u32,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Merchant)]
pub(crate) struct MerchantOut {
    #[schema(value_type = Name)]
    id: String,
    #[schema(value_type = ShortText)]
    name: String,
    #[schema(value_type = CountryCode)]
    country: String,
    #[schema(value_type = CurrencyCode)]
    currency: String,
    #[schema(maximum = 10000)]
    fee_bps: u32,
}

impl From<&Merchant> for MerchantOut {
    fn from(merchant: &Merchant) -> Self {
        Self {
            id: merchant.id.to_string(),
            name: merchant.name.to_string(),
            country: merchant.country.code().to_owned(),
            currency: merchant.currency.code().to_owned(),
            fee_bps: merchant.fee_bps,
        }
    }
}

#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewStore)]
pub(crate) struct StoreIn {
    #[schema(value_type = Name)]
    id: Field<StoreId>,
    #[schema(value_type = ShortText)]
    name: Field<Words>,
    #[schema(value_type = CountryCode)]
    country: Field<Country>,
    #[schema(value_type = ZoneName)]
    time_zone: Field<Zone>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Store)]
pub(crate) struct StoreOut {
    #[schema(value_type = Name)]
    id: String,
    #[schema(value_type = Name)]
    merchant: String,
    #[schema(value_type = ShortText)]
    name: String,
    #[schema(value_type = CountryCode)]
    country: String,
    #[schema(value_type = ZoneName)]
    time_zone: String,
}

impl From<&Store> for StoreOut {
    fn from(store: &Store) -> Self {
        Self {
            id: store.id.to_string(),
            merchant: store.merchant.to_string(),
            name: store.name.to_string(),
            country: store.country.code().to_owned(),
            time_zone: store.zone.name().to_owned(),
        }
    }
}

#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewCode)]
pub(crate) struct CodeIn {
    /// What the code is printed on.
    #[schema(value_type = Name)]
    medium: Field<Medium>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Code)]
pub(crate) struct CodeOut {
    #[schema(value_type = CodeCharacters)]
    code: String,
    /// What the printed QR code holds.
    url: String,
    #[schema(value_type = Name)]
    store: String,
    #[schema(value_type = Name)]
    medium: String,
    #[schema(value_type = CodeStatus)]
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Instant>, nullable = false)]
    revoked_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ShortText>, nullable = false)]
    reason: Option<String>,
}

impl CodeOut {
    fn new(code: &Code, public_url: &str) -> Self {
        Self {
            code: code.text.as_str().to_owned(),
            url: format!("{public_url}/r/{}", code.text.as_str()),
            store: code.store.to_string(),
            medium: code.medium.to_string(),
            status: if code.revoked.is_some() { "revoked" } else { "active" },
            revoked_at: code.revoked.as_ref().map(|(at, _)| at.to_string()),
            reason: code.revoked.as_ref().map(|(_, reason)| reason.to_string()),
        }
    }
}

/// Writes what the office made as the answer that is kept.
fn rendered(status: StatusCode, public_url: &str) -> Render {
    let public_url = public_url.to_owned();
    Box::new(move |answer: &Answered, _: Time| {
        let body = match answer {
            Answered::Merchant(merchant) => serde_json::to_string(&MerchantOut::from(merchant.as_ref())),
            Answered::Store(store) => serde_json::to_string(&StoreOut::from(store.as_ref())),
            Answered::Code(code) => serde_json::to_string(&CodeOut::new(code, &public_url)),
            _ => Ok(String::new()),
        };
        (status.as_u16(), body.unwrap_or_default())
    })
}

/// Adds a merchant.
#[utoipa::path(
    post,
    path = "/v1/merchants",
    operation_id = "create_merchant",
    tag = "Merchants",
    request_body = MerchantIn,
    responses((status = 201, description = "The merchant.", body = MerchantOut)),
    extensions(("x-roles" = json!(["acquirer"])), ("x-codes" = json!(["already_exists"]))),
)]
pub(crate) async fn create(State(app): State<Arc<App>>, request: Request) -> Answer {
    let caller = app.caller(request.headers(), ACQUIRER)?;
    let posted = Posted::<MerchantIn>::read_document(request, limits::BODY_BYTES).await?;
    let body = &posted.body;
    let most = koi_core::limits::FEE_BPS;
    if i64::from(body.fee_bps) > most {
        let why = why_text(&koi_core::rules::Why::Range { least: 0, most });
        return Err(Problem::invalid("/fee_bps".into(), &why));
    }
    let merchant = Merchant {
        id: body.id.0.clone(),
        name: body.name.0.0.clone(),
        country: body.country.0,
        currency: body.currency.0,
        fee_bps: body.fee_bps,
    };
    let asked = Some(posted.asked(&caller, &format!("merchant:{}", merchant.id)));
    let render = rendered(StatusCode::CREATED, &app.public_url);
    let order = Order::AddMerchant(merchant);
    let work = OfficeWork { order, by: caller.principal, asked, detail: String::new(), render };
    office_answer(app.engine.submit(Work::Office(Box::new(work))).await)
}

/// Shows a merchant.
#[utoipa::path(
    get,
    path = "/v1/merchants/{id}",
    operation_id = "get_merchant",
    tag = "Merchants",
    params(("id" = Name, Path, description = "The merchant.")),
    responses((status = 200, description = "The merchant.", body = MerchantOut)),
    extensions(
        ("x-roles" = json!(["acquirer", "operator", "auditor", "wallet"])),
        ("x-codes" = json!(["not_found"])),
    ),
)]
pub(crate) async fn get(State(app): State<Arc<App>>, Named(name): Named, request: Request) -> Answer {
    app.caller(request.headers(), READERS)?;
    let id = MerchantId::parse(&name).ok_or_else(|| Problem::plain("not_found"))?;
    let merchant = app.known(|catalog| catalog.merchant(&id).cloned(), "not_found").await?;
    Ok(json(StatusCode::OK, &MerchantOut::from(merchant.as_ref())))
}

/// Adds a store of a merchant.
#[utoipa::path(
    post,
    path = "/v1/merchants/{id}/stores",
    operation_id = "create_store",
    tag = "Merchants",
    params(("id" = Name, Path, description = "The merchant.")),
    request_body = StoreIn,
    responses((status = 201, description = "The store.", body = StoreOut)),
    extensions(("x-roles" = json!(["acquirer"])), ("x-codes" = json!(["not_found", "already_exists"]))),
)]
pub(crate) async fn create_store(State(app): State<Arc<App>>, Named(name): Named, request: Request) -> Answer {
    let caller = app.caller(request.headers(), ACQUIRER)?;
    let merchant = MerchantId::parse(&name).ok_or_else(|| Problem::plain("not_found"))?;
    app.known(|catalog| catalog.merchant(&merchant).cloned(), "not_found").await?;
    let posted = Posted::<StoreIn>::read_document(request, limits::BODY_BYTES).await?;
    let body = &posted.body;
    let store = Store {
        id: body.id.0.clone(),
        merchant: merchant.clone(),
        name: body.name.0.0.clone(),
        country: body.country.0,
        zone: body.time_zone.0.clone(),
    };
    let asked = Some(posted.asked(&caller, &format!("store:{}", store.id)));
    let render = rendered(StatusCode::CREATED, &app.public_url);
    let order = Order::AddStore(store);
    let work = OfficeWork { order, by: caller.principal, asked, detail: String::new(), render };
    office_answer(app.engine.submit(Work::Office(Box::new(work))).await)
}

/// Shows a store.
#[utoipa::path(
    get,
    path = "/v1/stores/{id}",
    operation_id = "get_store",
    tag = "Merchants",
    params(("id" = Name, Path, description = "The store.")),
    responses((status = 200, description = "The store.", body = StoreOut)),
    extensions(
        ("x-roles" = json!(["acquirer", "operator", "auditor", "wallet"])),
        ("x-codes" = json!(["not_found"])),
    ),
)]
pub(crate) async fn get_store(State(app): State<Arc<App>>, Named(name): Named, request: Request) -> Answer {
    app.caller(request.headers(), READERS)?;
    let id = StoreId::parse(&name).ok_or_else(|| Problem::plain("not_found"))?;
    let store = app.known(|catalog| catalog.store(&id).cloned(), "not_found").await?;
    Ok(json(StatusCode::OK, &StoreOut::from(store.as_ref())))
}

/// Makes a code for a store.
///
/// Its `url` is what the printed QR code holds.
#[utoipa::path(
    post,
    path = "/v1/stores/{id}/codes",
    operation_id = "create_code",
    tag = "Merchants",
    params(("id" = Name, Path, description = "The store.")),
    request_body = CodeIn,
    responses((status = 201, description = "The code.", body = CodeOut)),
    extensions(("x-roles" = json!(["acquirer"])), ("x-codes" = json!(["not_found"]))),
)]
pub(crate) async fn create_code(State(app): State<Arc<App>>, Named(name): Named, request: Request) -> Answer {
    let caller = app.caller(request.headers(), ACQUIRER)?;
    let store = StoreId::parse(&name).ok_or_else(|| Problem::plain("not_found"))?;
    app.known(|catalog| catalog.store(&store).cloned(), "not_found").await?;
    let posted = Posted::<CodeIn>::read_document(request, limits::BODY_BYTES).await?;
    let asked = Some(posted.asked(&caller, &format!("store:{store}")));
    let text = new_code(&app)?;
    let render = rendered(StatusCode::CREATED, &app.public_url);
    let order = Order::AddCode(store, posted.body.medium.0.clone(), text);
    let work = OfficeWork { order, by: caller.principal, asked, detail: String::new(), render };
    office_answer(app.engine.submit(Work::Office(Box::new(work))).await)
}

/// Characters that no code has yet. Of 656 thousand million codes a taken one is rare; it is drawn again.
fn new_code(app: &App) -> Result<CodeText, Problem> {
    for _ in 0..16 {
        let Some(bytes) = app.source.bytes() else { break };
        // Values from 240 on would favour the first letters.
        let mut fair = bytes.into_iter().filter(|byte| *byte < 240).map(|byte| byte % 30);
        let picks: [u8; CodeText::LEN] = std::array::from_fn(|_| fair.next().unwrap_or_default());
        let code = CodeText::of_picks(picks);
        if app.catalog().code(&code).is_none() {
            return Ok(code);
        }
    }
    Err(Problem::from(&Failure::Fault))
}

async fn routed_code(app: &App, name: &str) -> Result<Arc<Code>, Problem> {
    let text = CodeText::parse(name).ok_or_else(|| Problem::plain("not_found"))?;
    app.known(|catalog| catalog.code(&text).cloned(), "not_found").await
}

/// Shows a code.
#[utoipa::path(
    get,
    path = "/v1/codes/{code}",
    operation_id = "get_code",
    tag = "Merchants",
    params(("code" = CodeCharacters, Path, description = "The code.")),
    responses((status = 200, description = "The code.", body = CodeOut)),
    extensions(("x-roles" = json!(["acquirer", "operator", "auditor", "wallet"])), ("x-codes" = json!(["not_found"]))),
)]
pub(crate) async fn get_code(State(app): State<Arc<App>>, Named(name): Named, request: Request) -> Answer {
    app.caller(request.headers(), READERS)?;
    app.see().await?;
    let code = routed_code(&app, &name).await?;
    Ok(json(StatusCode::OK, &CodeOut::new(&code, &app.public_url)))
}

/// Revokes a code.
///
/// Claims with it are refused from then on; coupons that were claimed with it keep working.
#[utoipa::path(
    post,
    path = "/v1/codes/{code}/revoke",
    operation_id = "revoke_code",
    tag = "Merchants",
    params(("code" = CodeCharacters, Path, description = "The code.")),
    request_body = ReasonIn,
    responses((status = 200, description = "The code, revoked.", body = CodeOut)),
    extensions(("x-roles" = json!(["acquirer"])), ("x-codes" = json!(["not_found", "code_revoked"]))),
)]
pub(crate) async fn revoke_code(State(app): State<Arc<App>>, Named(name): Named, request: Request) -> Answer {
    let caller = app.caller(request.headers(), ACQUIRER)?;
    let code = routed_code(&app, &name).await?;
    let posted = Posted::<ReasonIn>::read_document(request, limits::BODY_BYTES).await?;
    let asked = Some(posted.asked(&caller, &format!("code:{}", code.text.as_str())));
    let reason = posted.body.reason.0.0.clone();
    let render = rendered(StatusCode::OK, &app.public_url);
    let order = Order::RevokeCode(code.text.clone(), reason.clone());
    let work = OfficeWork { order, by: caller.principal, asked, detail: reason.to_string(), render };
    office_answer(app.engine.submit(Work::Office(Box::new(work))).await)
}
