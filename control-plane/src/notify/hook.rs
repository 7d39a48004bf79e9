//! Calls to webhooks and chats, in the format that each of them wants.
//!
//! | kind | body | signature | taken if |
//! |---|---|---|---|
//! | webhook | JSON with everything, and `message` if the receiver has its own words | `Muster-Signature: t=<s>,v1=<hex HMAC-SHA256 of "t.body">` | 2xx |
//! | Slack | `{"text"}` | | 2xx |
//! | DingTalk | `{"msgtype":"text","text":{"content"}}` | `timestamp` and `sign` in the address | `errcode` 0 |
//! | Feishu | `{"msg_type":"text","content":{"text"}}` | `timestamp` and `sign` in the body | `code` 0 |
//! | WeCom | `{"msgtype":"text","text":{"content"}}` | | `errcode` 0 |
//!
//! The letter's id is in `Muster-Delivery`: what comes twice is the same. Nothing of an answer is told but its status and
//! what the chat's format says about the error; no fault holds the address.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use muster_base::{ExposeSecret, UnixMs};
use reqwest::{Client, StatusCode, Url, header::CONTENT_TYPE};
use serde_json::{Value, json};

use super::{Template, letter::WORDING, mailer::Fault, store::outbox::Claimed, template::Words};
use crate::{
    alerts::{self, Hook, ReceiverKind},
    app::App,
    error::chain,
    outbound,
};

/// Of an answer, read for what it says.
const ANSWER_BYTES: usize = 16 * 1024;
/// Of a text, as WeCom takes it; the others take more.
const TEXT_BYTES: usize = 2_000;
/// Codes of the chats that say: not so fast. DingTalk, WeCom, Feishu.
const TOO_FAST: [i64; 5] = [130_101, 410_100, 45_009, 11_232, 9_499];

/// A call that is ready.
struct Call {
    url: Url,
    headers: Vec<(&'static str, String)>,
    body: String,
}

/// Calls the letter's receiver.
pub(super) async fn send(app: &App, client: &Client, letter: &Claimed, words: &Words) -> Result<(), Fault> {
    let gone = || Fault::Refused("the receiver is gone, or switched off".to_owned());
    let receiver = letter.receiver.ok_or_else(gone)?;
    let hook = alerts::hook_of(app, receiver).await;
    let hook = hook
        .map_err(|error| Fault::Later(chain(&error)))?
        .ok_or_else(gone)?;
    let call = call(&hook, letter, words, app.clock.now())?;
    let mut request = client
        .post(call.url)
        .header(CONTENT_TYPE, "application/json; charset=utf-8")
        .body(call.body);
    for (name, value) in call.headers {
        request = request.header(name, value);
    }
    // The address may hold a token.
    let sent = request.send().await;
    let response = sent.map_err(|error| Fault::Later(chain(&error.without_url())))?;
    let status = response.status();
    if !status.is_success() {
        return Err(refused(status));
    }
    match hook.kind {
        ReceiverKind::DingTalk | ReceiverKind::WeCom => said(response, "errcode", "errmsg").await,
        ReceiverKind::Feishu => said(response, "code", "msg").await,
        ReceiverKind::Mail | ReceiverKind::Webhook | ReceiverKind::Slack => Ok(()),
    }
}

fn refused(status: StatusCode) -> Fault {
    let text = format!("the receiver answers {status}");
    let passes = matches!(
        status,
        StatusCode::REQUEST_TIMEOUT
            | StatusCode::CONFLICT
            | StatusCode::LOCKED
            | StatusCode::TOO_EARLY
            | StatusCode::TOO_MANY_REQUESTS
    );
    if status.is_server_error() || passes {
        Fault::Later(text)
    } else {
        Fault::Refused(text)
    }
}

/// What a chat says in an answer that is 200 whatever came of it.
async fn said(response: reqwest::Response, code: &str, message: &str) -> Result<(), Fault> {
    let later = || Fault::Later("the receiver's answer is not what this chat answers".to_owned());
    let bytes = outbound::limited(response, ANSWER_BYTES)
        .await
        .ok_or_else(later)?;
    let answer: Value = serde_json::from_slice(&bytes).map_err(|_| later())?;
    let said = answer[code].as_i64().ok_or_else(later)?;
    if said == 0 {
        return Ok(());
    }
    let words: String = answer[message]
        .as_str()
        .unwrap_or_default()
        .chars()
        .filter(|c| !c.is_control())
        .take(160)
        .collect();
    let text = format!("the receiver answers {code} {said}: {words}");
    Err(if TOO_FAST.contains(&said) {
        Fault::Later(text)
    } else {
        Fault::Refused(text)
    })
}

fn call(hook: &Hook, letter: &Claimed, words: &Words, now: UnixMs) -> Result<Call, Fault> {
    let url: Result<Url, _> = hook.url.expose_secret().parse();
    let mut url = url.map_err(|_| Fault::Refused("the receiver's address is none".to_owned()))?;
    if outbound::is_forbidden(&url) {
        return Err(Fault::Refused("nobody's server can have this address".to_owned()));
    }
    let key = hook.key.as_ref().map(ExposeSecret::expose_secret);
    let seconds = now.0 / UnixMs::SECOND;
    let mut headers = vec![("muster-delivery", letter.id.to_string())];
    let text = text(letter, words);
    let body = match hook.kind {
        ReceiverKind::Mail | ReceiverKind::Webhook => {
            let mut body = everything(letter);
            if letter.parameters.contains_key(WORDING) {
                body["message"] = text.into();
            }
            let body = body.to_string();
            if let Some(key) = key {
                let signed = hex::encode(hmac(key, &format!("{seconds}.{body}")));
                headers.push(("muster-signature", format!("t={seconds},v1={signed}")));
            }
            body
        }
        ReceiverKind::Slack => json!({"text": for_slack(&text)}).to_string(),
        ReceiverKind::DingTalk => {
            if let Some(key) = key {
                let sign = STANDARD.encode(hmac(key, &format!("{}\n{key}", now.0)));
                url.query_pairs_mut()
                    .append_pair("timestamp", &now.0.to_string())
                    .append_pair("sign", &sign);
            }
            json!({"msgtype": "text", "text": {"content": text}}).to_string()
        }
        ReceiverKind::WeCom => json!({"msgtype": "text", "text": {"content": text}}).to_string(),
        ReceiverKind::Feishu => {
            let mut body = json!({"msg_type": "text", "content": {"text": text}});
            if let Some(key) = key {
                // Feishu signs nothing, with the key and the time as the key.
                body["timestamp"] = seconds.to_string().into();
                body["sign"] = STANDARD.encode(hmac(&format!("{seconds}\n{key}"), "")).into();
            }
            body.to_string()
        }
    };
    Ok(Call { url, headers, body })
}

fn hmac(key: &str, text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

/// The letter as JSON.
fn everything(letter: &Claimed) -> Value {
    let parameter = |name: &str| letter.parameters.get(name).map_or("", String::as_str);
    let event = match letter.template {
        Template::AlertFires => "fires",
        Template::AlertEscalates => "escalates",
        Template::AlertSilent => "silent",
        Template::AlertOver => "over",
        _ => "test",
    };
    if event == "test" {
        return json!({"id": letter.id, "event": event, "receiver": parameter("receiver"), "by": parameter("by")});
    }
    json!({
        "id": letter.id,
        "event": event,
        "rule": {"id": parameter("ruleId"), "name": parameter("rule")},
        "severity": parameter("level"),
        "what": parameter("what"),
        "note": parameter("note"),
        "count": parameter("count").parse::<i64>().unwrap_or_default(),
        "alerts": serde_json::from_str::<Value>(parameter("alerts")).unwrap_or_else(|_| json!([])),
        "address": parameter("address"),
    })
}

/// The letter for a chat: what it says without the frame of a mail.
fn text(letter: &Claimed, words: &Words) -> String {
    let given = |name: &str| letter.parameters.get(name).filter(|text| !text.is_empty());
    if letter.parameters.contains_key(WORDING) {
        return clipped(words.text.expose_secret().to_owned());
    }
    let mut text = words.subject.clone();
    if letter.template == Template::AlertTest {
        text.push('\n');
        text.push_str(words.text.expose_secret().trim());
    }
    for name in ["what", "note", "address"] {
        if let Some(more) = given(name) {
            text.push('\n');
            text.push_str(more);
        }
    }
    clipped(text)
}

fn clipped(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(TEXT_BYTES));
    text
}

/// In Slack these three make links, and call everybody.
fn for_slack(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
