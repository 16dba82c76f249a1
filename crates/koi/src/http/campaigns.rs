//! Campaigns: drafts, four eyes, funding, pauses, ends.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use koi_core::campaign::{Campaign, Scope};
use koi_core::command::{Answer as Answered, Order};
use koi_core::id::CampaignId;
use koi_core::ledger::{Account, Buckets};
use koi_core::time::Time;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::document::{CampaignDocument, CampaignOut};
use crate::engine::keys::{Caller, Role};
use crate::engine::work::{OfficeWork, Render, Work};
use crate::fields::{Field, MoneyIn, MoneyOut, Words};
use crate::http::body::{Posted, why_text};
use crate::http::coupons::fault;
use crate::http::door::Named;
use crate::http::list::{ListOut, Page, cursor};
use crate::http::problem::Problem;
use crate::http::{Answer, App, json, office_answer};
use crate::limits;
use crate::schema::{Name, PauseScope, ShortText};

/// A call without a body; an empty object does as well.
#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Funding)]
pub(crate) struct FundIn {
    #[schema(value_type = MoneyOut)]
    amount: MoneyIn,
}

#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PauseRequest)]
pub(crate) struct PauseIn {
    #[schema(value_type = PauseScope)]
    scope: Field<Scope>,
    /// Why: 1 to 500 characters.
    #[schema(value_type = ShortText)]
    reason: Field<Words>,
}

#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Reason)]
pub(crate) struct ReasonIn {
    /// Why: 1 to 500 characters.
    #[schema(value_type = ShortText)]
    pub(crate) reason: Field<Words>,
}

/// The buckets of a campaign's budget: funded = free + committed + reserved + spent + returned.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Budget)]
pub(crate) struct BudgetOut {
    funded: MoneyOut,
    free: MoneyOut,
    committed: MoneyOut,
    reserved: MoneyOut,
    spent: MoneyOut,
    returned: MoneyOut,
    recovered: MoneyOut,
}

impl BudgetOut {
    fn new(campaign: &Campaign, buckets: &Buckets) -> Self {
        let money = |value: i64| MoneyOut::new(campaign.rules.currency, value);
        Self {
            funded: money(buckets.funded()),
            free: money(buckets.get(Account::Free)),
            committed: money(buckets.get(Account::Committed)),
            reserved: money(buckets.get(Account::Reserved)),
            spent: money(buckets.get(Account::Spent)),
            returned: money(buckets.get(Account::Returned)),
            recovered: money(buckets.get(Account::Recovered)),
        }
    }
}

pub(crate) const OPERATOR: &[Role] = &[Role::Operator];
const APPROVER: &[Role] = &[Role::Approver];

/// The campaign that a route names.
pub(crate) async fn routed(app: &App, name: &str, code: &str) -> Result<Arc<Campaign>, Problem> {
    let id = CampaignId::parse(name).ok_or_else(|| Problem::plain(code))?;
    app.known(|catalog| catalog.campaign(&id).cloned(), code).await
}

/// Writes a campaign as the answer that is kept.
fn rendered(status: StatusCode) -> Render {
    Box::new(move |answer: &Answered, now: Time| {
        let body = match answer {
            Answered::Campaign(campaign, left) => serde_json::to_string(&CampaignOut::new(campaign, left, now)),
            _ => Ok(String::new()),
        };
        (status.as_u16(), body.unwrap_or_default())
    })
}

/// One step of a campaign's life, with a body of its own.
pub(crate) async fn step<T: serde::de::DeserializeOwned + Serialize + Send + 'static>(
    app: &App,
    caller: Caller,
    name: &str,
    request: Request,
    order: impl FnOnce(CampaignId, &T) -> (Order, String),
) -> Answer {
    let campaign = routed(app, name, "not_found").await?;
    let posted = Posted::<T>::read_document(request, limits::BODY_BYTES).await?;
    let id = campaign.rules.id.clone();
    let asked = Some(posted.asked(&caller, &format!("campaign:{id}")));
    let (order, detail) = order(id, &posted.body);
    let work = OfficeWork { order, by: caller.principal, asked, detail, render: rendered(StatusCode::OK) };
    office_answer(app.engine.submit(Work::Office(Box::new(work))).await)
}

/// Drafts a campaign.
///
/// The document is the same as the TOML of `koi campaign apply FILE`. A draft is submitted by an operator, approved by
/// somebody else, and funded; once its money covers the whole stock it opens and ends by the clock.
#[utoipa::path(
    post,
    path = "/v1/campaigns",
    operation_id = "create_campaign",
    tag = "Campaigns",
    request_body = CampaignDocument,
    responses((status = 201, description = "The draft.", body = CampaignOut)),
    extensions(
        ("x-roles" = json!(["operator"])),
        ("x-codes" = json!(["already_exists", "too_many_campaigns"])),
    ),
)]
pub(crate) async fn create(State(app): State<Arc<App>>, request: Request) -> Answer {
    let caller = app.caller(request.headers(), OPERATOR)?;
    let posted = Posted::<CampaignDocument>::read_document(request, limits::DOCUMENT_BYTES).await?;
    let rules = posted.body.rules();
    if let Some(wrong) = rules.check(app.settings.wallet_currency).into_iter().next() {
        return Err(Problem::invalid(wrong.pointer, &why_text(&wrong.why)));
    }
    let asked = Some(posted.asked(&caller, &format!("campaign:{}", rules.id)));
    let secret = app.source.bytes().ok_or_else(fault)?;
    let order = Order::Draft(Box::new(rules), secret);
    let render = rendered(StatusCode::CREATED);
    let work = OfficeWork { order, by: caller.principal, asked, detail: String::new(), render };
    office_answer(app.engine.submit(Work::Office(Box::new(work))).await)
}

/// Shows a campaign.
///
/// Each tier of the stock tells how many packets are `left`, and its odds.
#[utoipa::path(
    get,
    path = "/v1/campaigns/{id}",
    operation_id = "get_campaign",
    tag = "Campaigns",
    params(("id" = Name, Path, description = "The campaign.")),
    responses((status = 200, description = "The campaign as it stands now.", body = CampaignOut)),
    extensions(
        ("x-roles" = json!(["operator", "approver", "wallet", "acquirer", "auditor"])),
        ("x-codes" = json!(["not_found"])),
    ),
)]
pub(crate) async fn get(State(app): State<Arc<App>>, Named(name): Named, request: Request) -> Answer {
    app.anyone(request.headers())?;
    let campaign = routed(&app, &name, "not_found").await?;
    let number = campaign.number;
    let totals = app.readers.read(move |reader| reader.totals(number)).await?;
    let left = totals.map(|totals| totals.left).unwrap_or_default();
    // The campaign may have moved on while the stock was read.
    app.see().await?;
    let campaign = routed(&app, &name, "not_found").await?;
    Ok(json(StatusCode::OK, &CampaignOut::new(&campaign, &left, app.now())))
}

/// Lists the campaigns, the oldest first.
///
/// A page ends at 4 MiB of campaigns, too: it may have fewer than asked for although others follow; `next` tells.
#[utoipa::path(
    get,
    path = "/v1/campaigns",
    operation_id = "list_campaigns",
    tag = "Campaigns",
    responses((status = 200, description = "A page of campaigns.", body = ListOut<CampaignOut>)),
    extensions(
        ("x-roles" = json!(["operator", "approver", "wallet", "acquirer", "auditor"])),
        ("x-paged" = json!(true)),
    ),
)]
pub(crate) async fn list(State(app): State<Arc<App>>, request: Request) -> Answer {
    app.anyone(request.headers())?;
    let page = Page::of(&request, &[])?;
    app.see().await?;
    let mut campaigns: Vec<Arc<Campaign>> = app.catalog().campaigns().cloned().collect();
    campaigns.sort_unstable_by_key(|campaign| campaign.number);
    let after = page.after()?;
    let shown: Vec<Arc<Campaign>> = campaigns
        .into_iter()
        .filter(|campaign| i64::from(campaign.number.0) > after)
        .take(page.limit + 1)
        .collect();
    let wanted: Vec<_> = shown.iter().take(page.limit).map(|campaign| campaign.number).collect();
    let totals = app
        .readers
        .read(move |reader| wanted.into_iter().map(|number| reader.totals(number)).collect::<Result<Vec<_>, _>>())
        .await?;
    let mut room = limits::PAGE_BYTES;
    let mut data: Vec<Box<RawValue>> = Vec::new();
    for (campaign, totals) in shown.iter().zip(totals) {
        let left = totals.map(|totals| totals.left).unwrap_or_default();
        let written = to_raw_value(&CampaignOut::new(campaign, &left, app.now())).map_err(|_| fault())?;
        // Whatever its length, the first is shown: each page leads on.
        if !data.is_empty() && written.get().len() > room {
            break;
        }
        room = room.saturating_sub(written.get().len());
        data.push(written);
    }
    let last = data.len().checked_sub(1).filter(|_| data.len() < shown.len());
    let next = last.map(|last| cursor(i64::from(shown[last].number.0)));
    Ok(json(StatusCode::OK, &ListOut::new(data, next)))
}

/// Shows where the money of a campaign is.
#[utoipa::path(
    get,
    path = "/v1/campaigns/{id}/budget",
    operation_id = "get_budget",
    tag = "Campaigns",
    params(("id" = Name, Path, description = "The campaign.")),
    responses((status = 200, description = "The buckets.", body = BudgetOut)),
    extensions(
        ("x-roles" = json!(["operator", "approver", "wallet", "acquirer", "auditor"])),
        ("x-codes" = json!(["not_found"])),
    ),
)]
pub(crate) async fn budget(State(app): State<Arc<App>>, Named(name): Named, request: Request) -> Answer {
    app.anyone(request.headers())?;
    let campaign = routed(&app, &name, "not_found").await?;
    let number = campaign.number;
    let totals = app.readers.read(move |reader| reader.totals(number)).await?;
    let buckets = totals.map(|totals| totals.buckets).unwrap_or_default();
    Ok(json(StatusCode::OK, &BudgetOut::new(&campaign, &buckets)))
}

/// Submits a draft for review.
#[utoipa::path(
    post,
    path = "/v1/campaigns/{id}/submit",
    operation_id = "submit_campaign",
    tag = "Campaigns",
    params(("id" = Name, Path, description = "The campaign.")),
    request_body = Nothing,
    responses((status = 200, description = "The campaign as it stands now.", body = CampaignOut)),
    extensions(("x-roles" = json!(["operator"])), ("x-codes" = json!(["not_found", "invalid_transition"]))),
)]
pub(crate) async fn submit(State(app): State<Arc<App>>, Named(name): Named, request: Request) -> Answer {
    let caller = app.caller(request.headers(), OPERATOR)?;
    step::<Nothing>(&app, caller, &name, request, |id, _| (Order::Submit(id), String::new())).await
}

/// Approves a campaign in review.
///
/// Who submitted it cannot approve it.
#[utoipa::path(
    post,
    path = "/v1/campaigns/{id}/approve",
    operation_id = "approve_campaign",
    tag = "Campaigns",
    params(("id" = Name, Path, description = "The campaign.")),
    request_body = Nothing,
    responses((status = 200, description = "The campaign as it stands now.", body = CampaignOut)),
    extensions(("x-roles" = json!(["approver"])), ("x-codes" = json!(["not_found", "invalid_transition"]))),
)]
pub(crate) async fn approve(State(app): State<Arc<App>>, Named(name): Named, request: Request) -> Answer {
    let caller = app.caller(request.headers(), APPROVER)?;
    step::<Nothing>(&app, caller, &name, request, |id, _| (Order::Approve(id), String::new())).await
}

/// Moves money of the funder into the campaign's budget.
///
/// More than once is a top-up; possible from `approved` to `ended`.
#[utoipa::path(
    post,
    path = "/v1/campaigns/{id}/fund",
    operation_id = "fund_campaign",
    tag = "Campaigns",
    params(("id" = Name, Path, description = "The campaign.")),
    request_body = FundIn,
    responses((status = 200, description = "The campaign as it stands now.", body = CampaignOut)),
    extensions(
        ("x-roles" = json!(["operator"])),
        ("x-codes" = json!(["not_found", "invalid_amount", "invalid_transition"])),
    ),
)]
pub(crate) async fn fund(State(app): State<Arc<App>>, Named(name): Named, request: Request) -> Answer {
    let caller = app.caller(request.headers(), OPERATOR)?;
    step::<FundIn>(&app, caller, &name, request, |id, body| {
        let amount = body.amount.money();
        (Order::Fund(id, amount), amount.to_string())
    })
    .await
}

/// Pauses a live campaign.
///
/// A pause of scope `all` gives its time back to every coupon that was live when it began.
#[utoipa::path(
    post,
    path = "/v1/campaigns/{id}/pause",
    operation_id = "pause_campaign",
    tag = "Campaigns",
    params(("id" = Name, Path, description = "The campaign.")),
    request_body = PauseIn,
    responses((status = 200, description = "The campaign as it stands now.", body = CampaignOut)),
    extensions(("x-roles" = json!(["operator"])), ("x-codes" = json!(["not_found", "invalid_transition"]))),
)]
pub(crate) async fn pause(State(app): State<Arc<App>>, Named(name): Named, request: Request) -> Answer {
    let caller = app.caller(request.headers(), OPERATOR)?;
    step::<PauseIn>(&app, caller, &name, request, |id, body| {
        let scope = body.scope.0;
        let reason = body.reason.0.0.clone();
        let detail = format!("{}: {reason}", scope.name());
        (Order::Pause(id, scope, reason), detail)
    })
    .await
}

/// Lifts a pause.
#[utoipa::path(
    post,
    path = "/v1/campaigns/{id}/resume",
    operation_id = "resume_campaign",
    tag = "Campaigns",
    params(("id" = Name, Path, description = "The campaign.")),
    request_body = Nothing,
    responses((status = 200, description = "The campaign as it stands now.", body = CampaignOut)),
    extensions(("x-roles" = json!(["approver"])), ("x-codes" = json!(["not_found", "invalid_transition"]))),
)]
pub(crate) async fn resume(State(app): State<Arc<App>>, Named(name): Named, request: Request) -> Answer {
    let caller = app.caller(request.headers(), APPROVER)?;
    step::<Nothing>(&app, caller, &name, request, |id, _| (Order::Resume(id), String::new())).await
}

/// Ends a campaign early.
///
/// No more coupons are issued; live ones run off.
#[utoipa::path(
    post,
    path = "/v1/campaigns/{id}/end",
    operation_id = "end_campaign",
    tag = "Campaigns",
    params(("id" = Name, Path, description = "The campaign.")),
    request_body = ReasonIn,
    responses((status = 200, description = "The campaign as it stands now.", body = CampaignOut)),
    extensions(("x-roles" = json!(["operator"])), ("x-codes" = json!(["not_found", "invalid_transition"]))),
)]
pub(crate) async fn end(State(app): State<Arc<App>>, Named(name): Named, request: Request) -> Answer {
    let caller = app.caller(request.headers(), OPERATOR)?;
    step::<ReasonIn>(&app, caller, &name, request, |id, body| {
        let reason = body.reason.0.0.clone();
        (Order::End(id, reason.clone()), reason.to_string())
    })
    .await
}

/// Closes an ended campaign.
///
/// Possible once nothing is committed or reserved; what is free goes back to the funder.
#[utoipa::path(
    post,
    path = "/v1/campaigns/{id}/close",
    operation_id = "close_campaign",
    tag = "Campaigns",
    params(("id" = Name, Path, description = "The campaign.")),
    request_body = Nothing,
    responses((status = 200, description = "The campaign as it stands now.", body = CampaignOut)),
    extensions(("x-roles" = json!(["operator"])), ("x-codes" = json!(["not_found", "invalid_transition"]))),
)]
pub(crate) async fn close(State(app): State<Arc<App>>, Named(name): Named, request: Request) -> Answer {
    let caller = app.caller(request.headers(), OPERATOR)?;
    step::<Nothing>(&app, caller, &name, request, |id, _| (Order::Close(id), String::new())).await
}
