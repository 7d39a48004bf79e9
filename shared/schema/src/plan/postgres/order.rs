//! The order of steps: by phase, and within what is made by what names what.

use std::collections::BTreeSet;

use super::{Item, Phase};
use crate::{
    Dialect,
    plan::{Reverse, Step},
    read::{Tok, token::tokens},
};

/// The steps in an order that can run.
pub(super) fn ordered(mut items: Vec<Item>) -> Vec<Step> {
    items.sort_by_key(|item| (item.phase, item.rank));
    let mut out = Vec::new();
    let (mut makes, mut drops) = (Vec::new(), Vec::new());
    for item in items {
        match item.phase {
            Phase::Make => makes.push(item),
            Phase::Drop => drops.push(item),
            phase => {
                if phase > Phase::Make {
                    out.append(&mut sorted(std::mem::take(&mut makes)));
                }
                if phase > Phase::Drop {
                    out.append(&mut dropped(std::mem::take(&mut drops)));
                }
                out.push(item.step);
            }
        }
    }
    out.append(&mut sorted(makes));
    out.append(&mut dropped(drops));
    out
}

/// A step comes after those that make what it names; where that goes in a circle, ranks decide.
fn sorted(items: Vec<Item>) -> Vec<Step> {
    let words: Vec<BTreeSet<String>> = items
        .iter()
        .map(|item| &mentioned(&item.step.sql) | &item.needs)
        .collect();
    by_need(items, &words)
}

/// What names a thing goes before it.
fn dropped(mut items: Vec<Item>) -> Vec<Step> {
    items.reverse();
    let words: Vec<BTreeSet<String>> = items
        .iter()
        .map(|item| match &item.step.reverse {
            Reverse::Sql(back) | Reverse::Lossy(back, _) => {
                // What a comment says is no need.
                let made = back.iter().filter(|sql| !sql.starts_with("comment on "));
                made.flat_map(|sql| mentioned(sql)).collect()
            }
            Reverse::None(_) => BTreeSet::new(),
        })
        .collect();
    let mut steps = by_need(items, &words);
    steps.reverse();
    steps
}

fn by_need(items: Vec<Item>, words: &[BTreeSet<String>]) -> Vec<Step> {
    let needs = |item: usize, other: usize| {
        item != other
            && items[item].provides != items[other].provides
            && items[other]
                .provides
                .iter()
                .any(|names| names.iter().all(|name| words[item].contains(name)))
    };
    let needed: Vec<Vec<usize>> = (0..items.len())
        .map(|item| (0..items.len()).filter(|&other| needs(item, other)).collect())
        .collect();
    let mut order = Vec::new();
    let mut state = vec![0_u8; items.len()];
    for item in 0..items.len() {
        visit(item, &needed, &mut state, &mut order);
    }
    let mut steps: Vec<Option<Step>> = items.into_iter().map(|item| Some(item.step)).collect();
    order.into_iter().filter_map(|item| steps[item].take()).collect()
}

/// Depth first, with a stack of our own: 0 not seen, 1 open, 2 done.
fn visit(start: usize, needed: &[Vec<usize>], state: &mut [u8], order: &mut Vec<usize>) {
    let mut stack = vec![(start, 0)];
    while let Some((item, at)) = stack.pop() {
        if at == 0 {
            if state[item] != 0 {
                continue;
            }
            state[item] = 1;
        }
        let Some(&next) = needed[item].get(at) else {
            state[item] = 2;
            order.push(item);
            continue;
        };
        stack.push((item, at + 1));
        if state[next] == 0 {
            stack.push((next, 0));
        }
    }
}

/// The names in a statement, also those in strings that are SQL themselves.
pub(super) fn mentioned(sql: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(sql, &mut found, 0);
    found
}

fn collect(sql: &str, found: &mut BTreeSet<String>, depth: u8) {
    let Ok((tokens, _)) = tokens(Dialect::Postgres, sql) else {
        return;
    };
    for token in tokens {
        match token.tok {
            Tok::Word(word) => {
                found.insert(word.to_ascii_lowercase());
            }
            Tok::Quoted(name) => {
                found.insert(name);
            }
            Tok::Str(text) if depth < 2 => collect(&text, found, depth + 1),
            _ => {}
        }
    }
}
