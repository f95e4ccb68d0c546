//! Boards on Redis.

use ::redis::cmd;
use async_trait::async_trait;
use shopbeat_domain::ids::{AgreementId, ItemNumber};
use shopbeat_domain::ports::{Answer, Board, Notice, Topic};

use super::{CHUNK, Engine};
use crate::names;
use crate::record::late_holder;

#[async_trait]
impl Board for Engine {
    async fn post(
        &self,
        agreement: &AgreementId,
        topic: Topic,
        fence: u64,
        texts: &[(ItemNumber, String)],
    ) -> Answer<Vec<(u64, bool)>> {
        let mut numbers = Vec::with_capacity(texts.len());
        // More than a chunk is posted in several steps, each of them fenced.
        for texts in texts.chunks(CHUNK) {
            let mut script = self.scripts.post.key(self.keys.board(agreement, topic));
            script.key(self.keys.board_numbers(agreement)).arg(fence).arg(names::topic(topic));
            for (item, text) in texts {
                script.arg(item.as_str()).arg(text);
            }
            let answers: Option<Vec<u64>> = self.script("post", &script).await?;
            let answers = answers.ok_or_else(|| late_holder("post"))?;
            let (answers, _) = answers.as_chunks::<2>();
            numbers.extend(answers.iter().map(|[seq, new]| (*seq, *new == 1)));
        }
        Ok(numbers)
    }

    async fn notices(
        &self,
        agreement: &AgreementId,
        topic: Topic,
        items: &[ItemNumber],
    ) -> Answer<Vec<Option<Notice>>> {
        let mut notices = Vec::with_capacity(items.len());
        for items in items.chunks(CHUNK) {
            let mut read = cmd("HMGET");
            read.arg(self.keys.board(agreement, topic));
            for item in items {
                read.arg(item.as_str());
            }
            let values: Vec<Option<String>> = self.command("notices", &read).await?;
            for value in values {
                notices.push(value.and_then(|value| notice(&value)));
            }
        }
        Ok(notices)
    }
}

/// One that cannot be read is as good as none: the item is read again, and posted over it.
fn notice(value: &str) -> Option<Notice> {
    let (seq, text) = value.split_once('|')?;
    Some(Notice { seq: seq.parse().ok()?, text: text.to_owned() })
}
