//! What is made of an agent's word on a proof: the scratch database before the change, after it and after its way back, beside the
//! designs that they should be.

use std::collections::HashMap;

use muster_documents::Design;
use muster_protocol::latest::ProofPart;
use muster_schema::{Schema, SetAside, catalogue::Answers, catalogue::assemble, model::Name, without};

use super::{
    PlannedAsides, ProofOutcome, ProofState, SetAsideKind, WayBackProof,
    comparison::{self, Compared},
    drift_told, live,
};

/// Differences that are kept.
const KEPT: usize = 20;
/// Characters that are kept of what a server says.
const SAID: usize = 1_000;

/// What the agent has said.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// The catalogue after each part.
    pub(super) read: HashMap<ProofPart, Answers>,
    /// The statement that failed: of which part, which, and what the server says.
    pub(super) failed: Option<(ProofPart, Option<u32>, String)>,
    /// Why it could not be tried, or no further.
    pub(super) untried: Option<String>,
    pub(super) version: String,
}

/// What it should be.
pub(super) struct Wanted {
    pub(super) before: Design,
    pub(super) after: Design,
    pub(super) asides: Vec<SetAside>,
    /// Whether the way back says of itself that it brings back all.
    pub(super) back_is_exact: bool,
}

/// What a change sets aside, as a schema knows it.
pub(super) fn asides(planned: Option<&PlannedAsides>) -> Vec<SetAside> {
    let items = planned.into_iter().flat_map(|planned| &planned.items);
    items
        .filter_map(|one| {
            let column = match one.kind {
                SetAsideKind::Table => None,
                SetAsideKind::Column => Some(one.name.clone()),
                SetAsideKind::Rows => return None,
            };
            Some(SetAside {
                table: Name::new(one.namespace.clone(), one.table.clone()),
                column,
                now: one.name_now.clone(),
                drop: String::new(),
                restore: Vec::new(),
            })
        })
        .collect()
}

/// What came of it.
pub(super) fn judge(wanted: &Wanted, mut heard: Heard) -> (ProofState, ProofOutcome) {
    let mut outcome = ProofOutcome {
        server_version: heard.version.clone(),
        ..ProofOutcome::default()
    };
    let state = match reached(wanted, &mut heard, &mut outcome) {
        Ok(state) => state,
        Err(why) => {
            outcome.why = cut(&why);
            ProofState::Untried
        }
    };
    (state, outcome)
}

/// The error says why it could not be tried.
fn reached(wanted: &Wanted, heard: &mut Heard, outcome: &mut ProofOutcome) -> Result<ProofState, String> {
    if let Some((ProofPart::Before, statement, said)) = &heard.failed {
        let which = statement
            .map(|nth| format!(" (its statement {})", nth + 1))
            .unwrap_or_default();
        return Err(format!(
            "what is there now can't be built on a scratch database{which}: {said}"
        ));
    }
    let of_before = compared(&wanted.before, heard, ProofPart::Before, &[])?;
    if let Some(of_before) = of_before.filter(|of| of.count > 0) {
        let what = drift_told::what(&of_before.differences, of_before.count);
        return Err(format!(
            "what was built on a scratch database is not what is designed: {what}"
        ));
    }
    if let Some((ProofPart::Change, statement, said)) = &heard.failed {
        outcome.statement = *statement;
        outcome.why = cut(said);
        return Ok(ProofState::NotProven);
    }
    let Some(after) = compared(&wanted.after, heard, ProofPart::Change, &wanted.asides)? else {
        let why = heard.untried.take();
        return Err(why.unwrap_or_else(|| "the agent broke off: ask again".to_owned()));
    };
    if after.count > 0 {
        let what = drift_told::what(&after.differences, after.count);
        outcome.why = cut(&format!("what it comes to is not what is designed: {what}"));
        outcome.count = after.count;
        outcome.differences = after.differences.into_iter().take(KEPT).collect();
        return Ok(ProofState::NotProven);
    }
    way_back(wanted, heard, outcome)
}

/// The way back; what brings something back only in part says so, and is not held to it.
fn way_back(wanted: &Wanted, heard: &mut Heard, outcome: &mut ProofOutcome) -> Result<ProofState, String> {
    if let Some((ProofPart::Back, statement, said)) = &heard.failed {
        let which = statement
            .map(|nth| format!("statement {}: ", nth + 1))
            .unwrap_or_default();
        outcome.way_back = WayBackProof::Failed;
        outcome.way_back_why = cut(&format!("{which}{said}"));
    } else if let Some(back) = compared(&wanted.before, heard, ProofPart::Back, &[])? {
        outcome.way_back = WayBackProof::Same;
        if back.count > 0 {
            outcome.way_back = WayBackProof::Differs;
            outcome.way_back_why = cut(&drift_told::what(&back.differences, back.count));
        }
    } else if let Some(why) = heard.untried.take() {
        return Err(why);
    }
    let failed = matches!(outcome.way_back, WayBackProof::Failed | WayBackProof::Differs);
    if failed && wanted.back_is_exact {
        outcome.why = cut(&format!(
            "its way back does not take it back: {}",
            outcome.way_back_why
        ));
        return Ok(ProofState::NotProven);
    }
    Ok(ProofState::Proven)
}

/// The scratch database beside a design; none if it did not come to that.
fn compared(
    design: &Design,
    heard: &mut Heard,
    part: ProofPart,
    asides: &[SetAside],
) -> Result<Option<Compared>, String> {
    let Some(answers) = heard.read.remove(&part) else {
        return Ok(None);
    };
    let mut schema: Schema = assemble(design.dialect, &answers)
        .map_err(|error| format!("what is on the scratch database is not understood: {error}"))?;
    live::without_ledger(&mut schema);
    comparison::compare(design, &without(schema, asides)).map(Some)
}

fn cut(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() || *c == '\n')
        .take(SAID)
        .collect()
}
