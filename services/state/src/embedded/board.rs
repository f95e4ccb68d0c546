//! Boards in the embedded engine. The fences of their posters are in plain memory, as the leases are.

use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use redb::ReadableTable;
use shopbeat_domain::ids::{AgreementId, ItemNumber};
use shopbeat_domain::ports::{Answer, Board, Notice, Topic};

use super::Engine;
use super::tables::{BOARDS, COUNTS};
use crate::names;
use crate::record::late_holder;

const SEQ: &str = "seq";

fn name(agreement: &AgreementId, topic: Topic) -> String {
    format!("board/{}/{agreement}", names::topic(topic))
}

#[async_trait]
impl Board for Engine {
    async fn post(
        &self,
        agreement: &AgreementId,
        topic: Topic,
        fence: u64,
        texts: &[(ItemNumber, String)],
    ) -> Answer<Vec<(u64, bool)>> {
        let (id, name, texts) = (agreement.clone(), name(agreement, topic), texts.to_vec());
        let posters = Arc::clone(&self.posters);
        self.write("post", move |transaction| {
            let mut board = transaction.open_table(BOARDS)?;
            // Writers come one by one: whoever is here is alone until it commits.
            let mut posters = posters.lock().unwrap_or_else(PoisonError::into_inner);
            let latest = posters.entry(id).or_default();
            if *latest > fence {
                return Err(late_holder("post").into());
            }
            *latest = fence;
            drop(posters);
            let mut counts = transaction.open_table(COUNTS)?;
            let mut seq = counts.get((name.as_str(), SEQ))?.map_or(0, |seq| seq.value());
            let mut numbers = Vec::with_capacity(texts.len());
            for (item, text) in &texts {
                let key = (name.as_str(), item.as_str());
                let standing =
                    board.get(key)?.map(|stands| stands.value()).filter(|(_, stands)| stands == text);
                if let Some((number, _)) = standing {
                    numbers.push((number, false));
                    continue;
                }
                seq += 1;
                board.insert(key, (seq, text.clone()))?;
                numbers.push((seq, true));
            }
            counts.insert((name.as_str(), SEQ), seq)?;
            Ok(numbers)
        })
        .await
    }

    async fn notices(
        &self,
        agreement: &AgreementId,
        topic: Topic,
        items: &[ItemNumber],
    ) -> Answer<Vec<Option<Notice>>> {
        let (name, items) = (name(agreement, topic), items.to_vec());
        self.read("notices", move |transaction| {
            let board = transaction.open_table(BOARDS)?;
            let mut notices = Vec::with_capacity(items.len());
            for item in &items {
                let stands = board.get((name.as_str(), item.as_str()))?.map(|stands| stands.value());
                notices.push(stands.map(|(seq, text)| Notice { seq, text }));
            }
            Ok(notices)
        })
        .await
    }
}
