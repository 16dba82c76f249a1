//! Claims and coupons.

use std::sync::{Arc, PoisonError};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use koi_core::catalog::Catalog;
use koi_core::command::{Answer as Answered, Call, Claim, Command, Shopper};
use koi_core::coupon::Coupon;
use koi_core::fault::Fault;
use koi_core::id::{AccountId, Cell, CodeText, CouponId, PersonId, ShopperKey};
use koi_core::refusal::Refusal;
use koi_core::rows::{Cells, Counters, Rows};
use koi_core::rules::Country;
use koi_core::scene::{NoLuck, Scene};
use koi_core::settle::settle;
use koi_core::time::Time;
use koi_store::Want;
use serde::{Deserialize, Serialize};

use crate::engine::keys::Role;
use crate::engine::work::{Done, Failure, Why, Work};
use crate::fields::{Field, MoneyOut};
use crate::http::body::Posted;
use crate::http::campaigns::{ReasonIn, routed};
use crate::http::door::{Named, READERS};
use crate::http::list::{ListOut, Page, bad_cursor, cursor_of, pair};
use crate::http::problem::Problem;
use crate::http::{Answer, App, json, marked};
use crate::schema::{CodeCharacters, CountryCode, CouponStatus, Instant, Name};

#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Claim)]
pub(crate) struct ClaimIn {
    /// The code that was scanned.
    #[schema(value_type = CodeCharacters)]
    pub(crate) code: Field<CodeText>,
    pub(crate) shopper: ClaimantIn,
}

#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Claimant)]
pub(crate) struct ClaimantIn {
    #[schema(value_type = Name)]
    pub(crate) account: Field<AccountId>,
    /// The natural person; a wallet without one sends the account's id.
    #[schema(value_type = Name)]
    pub(crate) person: Field<PersonId>,
    /// Whether the wallet checked the person against an ID.
    verified: bool,
    /// That ID's country.
    #[schema(value_type = CountryCode)]
    id_country: Field<Country>,
}

/// A coupon.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Coupon)]
pub(crate) struct CouponOut {
    #[schema(pattern = "^cpn_[0-9A-HJKMNP-TV-Z]{12}$", example = "cpn_000004000000")]
    id: String,
    #[schema(value_type = Name)]
    campaign: String,
    #[schema(value_type = Name)]
    account: String,
    #[schema(value_type = Name)]
    person: String,
    #[schema(value_type = CodeCharacters)]
    code: String,
    #[schema(value_type = Name)]
    store: String,
    face: MoneyOut,
    /// What is neither spent nor reserved; zero once used, expired or void.
    remaining: MoneyOut,
    split: bool,
    #[schema(value_type = CouponStatus)]
    status: &'static str,
    #[schema(value_type = Instant)]
    collected_at: String,
    #[schema(value_type = Instant)]
    expires_at: String,
    /// The revision of the campaign's rules that the coupon keeps.
    terms_revision: u32,
}

impl CouponOut {
    /// A coupon with the names that its numbers stand for.
    pub(crate) fn new(coupon: &Coupon, catalog: &Catalog) -> Result<Self, Fault> {
        let campaign =
            catalog.campaign_numbered(coupon.id.campaign()).ok_or(Fault::Missing("a coupon's campaign"))?;
        let code = catalog.code(&coupon.code).ok_or(Fault::Missing("a coupon's code"))?;
        let currency = campaign.rules.currency;
        Ok(Self {
            id: coupon.id.to_string(),
            campaign: campaign.rules.id.to_string(),
            account: coupon.account.to_string(),
            person: coupon.person.to_string(),
            code: coupon.code.as_str().to_owned(),
            store: code.store.to_string(),
            face: MoneyOut::new(currency, coupon.face),
            remaining: MoneyOut::new(currency, coupon.remaining),
            split: coupon.split,
            status: coupon.status().name(),
            collected_at: coupon.collected_at.to_string(),
            expires_at: coupon.expires_at.to_string(),
            terms_revision: coupon.revision,
        })
    }
}

impl CouponOut {
    /// The answer to a claim that the store knows nothing of, for measurements. `times` are those of its
    /// collection and its expiry.
    pub(crate) fn unstored(id: CouponId, claim: &ClaimIn, store: &str, face: MoneyOut, times: [Time; 2]) -> Self {
        let [collected_at, expires_at] = times.map(|time| time.to_string());
        Self {
            id: id.to_string(),
            campaign: "none".to_owned(),
            account: claim.shopper.account.0.to_string(),
            person: claim.shopper.person.0.to_string(),
            code: claim.code.0.as_str().to_owned(),
            store: store.to_owned(),
            face,
            remaining: face,
            split: false,
            status: "active",
            collected_at,
            expires_at,
            terms_revision: 0,
        }
    }
}

impl App {
    /// A coupon as it goes out.
    fn coupon_out(&self, coupon: &Coupon) -> Result<CouponOut, Problem> {
        CouponOut::new(coupon, &self.catalog()).map_err(|fault| {
            tracing::error!(%fault, coupon = %coupon.id, "a coupon cannot be shown");
            Problem::from(&Failure::Fault)
        })
    }

    /// Hands a call to the engine.
    pub(crate) async fn call(&self, call: Call) -> Result<(Answered, bool), Problem> {
        self.call_because(call, None).await
    }

    /// Hands a call to the engine, with a line for the log.
    async fn call_because(&self, call: Call, why: Option<Why>) -> Result<(Answered, bool), Problem> {
        match self.engine.submit(Work::Call(Box::new(call), why)).await {
            Ok(Done::Call { answer, replayed }) => Ok((answer, replayed)),
            Ok(Done::Office { .. } | Done::Clock(_)) => Err(Problem::from(&Failure::Fault)),
            Err(Failure::Refused(Refusal::CouponAlreadyHeld(coupon, at))) => {
                let shown = serde_json::to_value(self.coupon_out(&coupon)?).unwrap_or_default();
                let refusal = Refusal::CouponAlreadyHeld(coupon, at);
                Err(Problem::from(&refusal).with_coupon(shown))
            }
            Err(failure) => Err(Problem::from(&failure)),
        }
    }

    /// Stored rows, brought up to date in memory: what is shown does not depend on a job being on time.
    pub(crate) async fn settled(
        &self,
        want: Want,
        coupons: impl FnOnce(&Rows) -> Vec<CouponId>,
    ) -> Result<Rows, Problem> {
        let wanted = [(want.cell(self.settings.cells), vec![want])];
        self.see().await?;
        let mut rows = self.readers.read(move |reader| Ok(only(reader.rows(&wanted)?))).await?;
        let catalog = self.catalog.read().unwrap_or_else(PoisonError::into_inner);
        let scene = Scene { catalog: &catalog, settings: &self.settings, now: self.now(), luck: &NoLuck };
        for id in coupons(&rows) {
            settle(&mut rows, &scene, id).map_err(|fault| {
                tracing::error!(%fault, coupon = %id, "a coupon cannot be brought up to date");
                Problem::from(&Failure::Fault)
            })?;
        }
        Ok(rows)
    }

    /// A settled coupon of the working set, with its expiry as it stands now.
    fn shown(&self, rows: &Rows, id: CouponId) -> Result<CouponOut, Problem> {
        let coupon = rows.coupons.get(id).ok_or_else(|| Problem::plain("not_found"))?;
        let campaign = self.catalog().campaign_numbered(id.campaign()).cloned();
        let pauses = campaign.map(|campaign| campaign.pauses.clone()).unwrap_or_default();
        self.coupon_out(&coupon.clone().with_pauses(&pauses))
    }
}

/// The rows of the one cell that was asked for.
fn only(cells: Cells) -> Rows {
    cells.into_first().unwrap_or_else(|| Rows::new(Cell::TREASURY, Counters { quote: 1, transfer: 1 }))
}

/// The coupon of an answer, as JSON.
fn coupon_answer(app: &App, status: StatusCode, answer: &Answered, replayed: bool) -> Answer {
    match answer {
        Answered::Coupon(coupon) => Ok(marked(json(status, &app.coupon_out(coupon)?), replayed)),
        _ => Err(Problem::from(&Failure::Fault)),
    }
}

/// Claims a coupon by the code that was scanned.
///
/// The first refusal that applies is the answer, in the order of the codes below.
#[utoipa::path(
    post,
    path = "/v1/campaigns/{id}/claims",
    operation_id = "claim_coupon",
    tag = "Claims",
    params(("id" = Name, Path, description = "The campaign.")),
    request_body = ClaimIn,
    responses((status = 201, description = "The coupon.", body = CouponOut)),
    extensions(
        ("x-roles" = json!(["wallet"])),
        ("x-codes" = json!([
            "unknown_campaign", "unknown_code", "code_revoked", "campaign_not_started", "campaign_ended",
            "campaign_paused", "campaign_not_live", "not_verified", "id_country_not_eligible",
            "store_country_not_eligible", "store_not_participating", "coupon_already_held",
            "person_holds_coupon", "limit_reached", "sold_out"
        ])),
    ),
)]
pub(crate) async fn claim(State(app): State<Arc<App>>, Named(name): Named, request: Request) -> Answer {
    let caller = app.caller(request.headers(), &[Role::Wallet])?;
    let campaign = routed(&app, &name, "unknown_campaign").await?;
    let posted = Posted::<ClaimIn>::read(request).await?;
    let asked = posted.asked(&caller, posted.body.shopper.person.0.as_str());
    let ClaimIn { code, shopper } = posted.body;
    let command = Command::Claim(Claim {
        campaign: campaign.rules.id.clone(),
        code: code.0,
        shopper: Shopper::new(shopper.person.0, shopper.account.0),
        verified: shopper.verified,
        id_country: shopper.id_country.0,
    });
    let (answer, replayed) = app.call(Call { command, asked }).await?;
    coupon_answer(&app, StatusCode::CREATED, &answer, replayed)
}

/// Parses a claim and answers a coupon without touching the store: what the HTTP layer alone costs.
#[utoipa::path(
    post,
    path = "/v1/sandbox/parse",
    operation_id = "parse_claim",
    tag = "Sandbox",
    request_body = ClaimIn,
    responses((status = 201, description = "A coupon that does not exist.", body = CouponOut)),
    extensions(("x-roles" = json!(["wallet"]))),
)]
pub(crate) async fn parse(State(app): State<Arc<App>>, request: Request) -> Answer {
    let caller = app.caller(request.headers(), &[Role::Wallet])?;
    let posted = Posted::<ClaimIn>::read(request).await?;
    let asked = posted.asked(&caller, posted.body.shopper.person.0.as_str());
    let now = app.now();
    let coupon = CouponOut::unstored(
        CouponId::of_number(asked.key.0 >> 4),
        &posted.body,
        "none",
        MoneyOut::new(app.settings.wallet_currency, 8800),
        [now, now],
    );
    Ok(json(StatusCode::CREATED, &coupon))
}

/// Shows a coupon.
#[utoipa::path(
    get,
    path = "/v1/coupons/{id}",
    operation_id = "get_coupon",
    tag = "Coupons",
    params(("id" = String, Path, description = "The coupon, as a claim answered it.")),
    responses((status = 200, description = "The coupon as it stands now.", body = CouponOut)),
    extensions(("x-roles" = json!(["wallet", "operator", "auditor"])), ("x-codes" = json!(["not_found"]))),
)]
pub(crate) async fn get(State(app): State<Arc<App>>, Named(name): Named, request: Request) -> Answer {
    app.caller(request.headers(), READERS)?;
    let id = CouponId::parse(&name).ok_or_else(|| Problem::plain("not_found"))?;
    let rows =
        app.settled(Want::Coupon(id), |rows| rows.coupons.get(id).map(|_| id).into_iter().collect()).await?;
    Ok(json(StatusCode::OK, &app.shown(&rows, id)?))
}

/// Lists the coupons of a person, the oldest first.
///
/// A person who never claimed has none.
#[utoipa::path(
    get,
    path = "/v1/shoppers/{person}/coupons",
    operation_id = "list_coupons_of_shopper",
    tag = "Coupons",
    params(("person" = Name, Path, description = "The person.")),
    responses((status = 200, description = "A page of coupons.", body = ListOut<CouponOut>)),
    extensions(
        ("x-roles" = json!(["wallet", "operator", "auditor"])),
        ("x-codes" = json!(["not_found"])),
        ("x-paged" = json!(true)),
    ),
)]
pub(crate) async fn of_shopper(State(app): State<Arc<App>>, Named(name): Named, request: Request) -> Answer {
    app.caller(request.headers(), READERS)?;
    let person = PersonId::parse(&name).ok_or_else(|| Problem::plain("not_found"))?;
    let page = Page::of(&request, &[])?;
    let after = match page.cursor.as_deref() {
        None => None,
        Some(cursor) => Some(pair(cursor).ok_or_else(bad_cursor)?),
    };
    let key = ShopperKey::of(&person);
    let held = |rows: &Rows| rows.shoppers.get(&key).cloned().unwrap_or_default();
    let rows = app.settled(Want::Shopper(key), held).await?;
    // By when they were collected: numbers begin with the campaign. The hash of another person may be the same.
    let of_person = |id: &CouponId| rows.coupons.get(*id).filter(|coupon| coupon.person == person);
    let mut places: Vec<(i64, i64)> = held(&rows)
        .iter()
        .filter_map(of_person)
        .map(|coupon| (coupon.collected_at.ms(), coupon.id.number()))
        .collect();
    places.sort_unstable();
    places.retain(|place| after.is_none_or(|after| *place > after));
    let next = (places.len() > page.limit).then(|| places[page.limit - 1]).map(|(at, id)| cursor_of(at, id));
    let shown = places.iter().take(page.limit).map(|(_, id)| app.shown(&rows, CouponId::of_number(*id)));
    Ok(json(StatusCode::OK, &ListOut::new(shown.collect::<Result<Vec<_>, _>>()?, next)))
}

/// Voids an active coupon.
///
/// What remains of it is free again; its packet goes back into the stock if nothing was spent.
#[utoipa::path(
    post,
    path = "/v1/coupons/{id}/void",
    operation_id = "void_coupon",
    tag = "Coupons",
    params(("id" = String, Path, description = "The coupon, as a claim answered it.")),
    request_body = ReasonIn,
    responses((status = 200, description = "The coupon, void.", body = CouponOut)),
    extensions(("x-roles" = json!(["operator"])), ("x-codes" = json!(["not_found", "coupon_not_active"]))),
)]
pub(crate) async fn void(State(app): State<Arc<App>>, Named(name): Named, request: Request) -> Answer {
    let caller = app.caller(request.headers(), &[Role::Operator])?;
    let id = CouponId::parse(&name).ok_or_else(|| Problem::plain("not_found"))?;
    let posted = match Posted::<ReasonIn>::read(request).await {
        Ok(posted) => posted,
        Err(problem) => return Err(or_absent(&app, Want::Coupon(id), problem).await),
    };
    let asked = posted.asked(&caller, &name);
    let why = Why { by: caller.principal, reason: posted.body.reason.0.0.to_string() };
    let (answer, replayed) = app.call_because(Call { command: Command::Void(id), asked }, Some(why)).await?;
    coupon_answer(&app, StatusCode::OK, &answer, replayed)
}

/// A request that is not even valid is still answered 404 first, when what its route names is not there.
pub(crate) async fn or_absent(app: &App, want: Want, problem: Problem) -> Problem {
    if problem.status() == 413 || problem.status() == 408 {
        return problem;
    }
    let wanted = [(want.cell(app.settings.cells), vec![want])];
    let exists = app.readers.read(move |reader| {
        let rows = only(reader.rows(&wanted)?);
        Ok(match want {
            Want::Coupon(id) => rows.coupons.has(id),
            Want::Quote(id) => rows.quotes.has(id),
            Want::Payment(id, _) => rows.payments.has(id),
            Want::Shopper(_) | Want::QuoteAsked(_) | Want::Slice(_) => true,
        })
    });
    match exists.await {
        Ok(true) => problem,
        Ok(false) => Problem::plain("not_found"),
        Err(error) => Problem::from(error),
    }
}

/// An answer of the fault that should not be.
pub(crate) fn fault() -> Problem {
    Problem::from(&Failure::Fault)
}

/// The type of an answer that carries an object.
pub(crate) fn created(replayed: bool, value: &impl Serialize) -> Response {
    marked(json(StatusCode::CREATED, value), replayed)
}
