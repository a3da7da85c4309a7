//! `POST /api/replay`: asks for an exchange once more.
//!
//! The request goes through the app listener's own service and thus to this project alone: an order names an exchange, and nothing
//! else of the request (R18). What may change something is repeated only when the order says so (`"confirm": true`). Secrets were
//! not kept: headers that had some are left out, and an address or a body that lost one is not sent.

use std::time::Duration;

use axum::{
    Json,
    body::Body,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, header,
    uri::{Authority, PathAndQuery},
};
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use tower::ServiceExt;

use super::{
    ControlRooms,
    exchanges::{App, missing, to_send},
};
use crate::{
    server::{
        lan::Admitted,
        open::{Refusal, order},
        reply::{head, refuse},
    },
    traffic::{Exchange, Recorded, ReplayOf},
};

/// How long the answer's head may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// How long is read of the answer's body, which may never end.
const BODY_LIMIT: Duration = Duration::from_secs(2);

/// How much is read of it.
const BODY: usize = 128 * 1024;

/// What is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    id: u64,
    #[serde(default)]
    confirm: bool,
}

/// What became of it.
#[derive(Serialize)]
struct Replayed {
    /// The number of the new exchange.
    id: Option<u64>,
    status: u16,
    /// Headers that were not sent, for their values are not kept.
    left_out: Vec<String>,
}

pub(super) async fn replay(State(rooms): State<ControlRooms>, request: Request) -> Response {
    let headers = head(&request);
    let order: Order = match order(request).await {
        Ok(order) => order,
        Err((status, why)) => return refuse(&headers, status, why),
    };
    rooms.recorder.look();
    let Some(exchange) = rooms.recorder.exchange(order.id) else { return missing(&headers) };
    if !exchange.method.is_safe() && !order.confirm {
        let why = "this may change something once more; `\"confirm\": true` in the order says that it shall";
        return refuse(&headers, StatusCode::CONFLICT, why);
    }
    let (again, left_out) = match again(&exchange, &rooms.app) {
        Ok(again) => again,
        Err((status, why)) => return refuse(&headers, status, why),
    };
    let router = rooms.router.borrow().clone();
    let Ok(answer) = timeout(ANSWER_LIMIT, router.oneshot(again)).await else {
        return refuse(&headers, StatusCode::GATEWAY_TIMEOUT, "the request was sent, and no answer has come yet");
    };
    let Ok(answer) = answer;
    let id = answer.extensions().get::<Recorded>().map(|recorded| recorded.0);
    let status = answer.status().as_u16();
    // It is kept as it is read; one that takes longer is kept so far.
    let _ = timeout(BODY_LIMIT, read(answer.into_body())).await;
    Json(Replayed { id, status, left_out }).into_response()
}

/// The request once more, and the names of what it lacks.
fn again(exchange: &Exchange, app: &App) -> Result<(http::Request<Body>, Vec<String>), Refusal> {
    let conflict = |why| (StatusCode::CONFLICT, why);
    let (target, authority, kept, body) = match &exchange.capture {
        Some(capture) => {
            let body = capture.request.body();
            if capture.is_target_redacted || body.is_redacted {
                return Err(conflict("its address or body held a secret, which is not kept"));
            }
            if !body.is_whole {
                return Err(conflict("its body is not kept whole"));
            }
            (capture.target.clone(), capture.authority.clone(), capture.request.headers.clone(), body.bytes)
        }
        None if !exchange.is_target_kept || !exchange.method.is_safe() => {
            return Err(conflict("of this exchange a line alone is kept: heads and bodies are from the first look on"));
        }
        None => (exchange.path.clone(), app.authority().to_owned(), HeaderMap::new(), bytes::Bytes::new()),
    };
    let target: PathAndQuery = target.parse().map_err(|_| conflict("its address is not kept whole"))?;
    let (mut kept, left_out) = to_send(&kept);
    let mut request = http::Request::new(Body::from(body));
    (*request.method_mut(), *request.uri_mut()) = (exchange.method.clone(), target.into());
    let named: Authority = authority.parse().map_err(|_| conflict("its address is not kept whole"))?;
    let host = authority.parse().map_err(|_| conflict("its address is not kept whole"))?;
    kept.insert(header::HOST, host);
    *request.headers_mut() = kept;
    request.extensions_mut().insert(app.connection);
    // By whatever name it came, it was let in before it was kept.
    request.extensions_mut().insert(Admitted(named));
    request.extensions_mut().insert(ReplayOf(exchange.id));
    Ok((request, left_out))
}

async fn read(mut body: Body) {
    let mut left = BODY;
    while let Some(Ok(frame)) = body.frame().await {
        let read = frame.data_ref().map_or(0, bytes::Bytes::len);
        if read > left {
            return;
        }
        left -= read;
    }
}
