//! Master Rackbeat: its products and bills of materials go to the shop. One that is there gets what changed in Rackbeat
//! and nothing else, so that nothing a merchant added is touched; one that is not there is made, once.

mod create;
mod renamed;

use std::collections::{HashMap, HashSet};

use shopbeat_domain::catalog::Variant;
use shopbeat_domain::erp::ErpProduct;
use shopbeat_domain::ids::{ItemNumber, ProductId};
use shopbeat_domain::limits;
use shopbeat_domain::ports::{Family, Marked};
use shopbeat_domain::product::{
    Carried, Image, Pricing, ProductCode, ProductField, ProductTrouble, ShopEdit, changed, is_wanted,
    shop_image, to_html, variant_shop_image,
};
use shopbeat_domain::stock::{Shelf, Spot};

use super::records::{self, Way};
use super::{End, Work, drift, if_there, shelf, trouble};
use crate::transfer::{Stop, later};

/// Where the shop has an item.
pub(super) enum Place {
    /// One variant bears its number.
    At(Spot),
    /// Several do.
    Several,
    /// None does.
    Nowhere,
}

/// What is known of the items of one round.
pub(super) struct Plan {
    pricing: Pricing,
    carried: HashMap<ItemNumber, Carried>,
    places: HashMap<ItemNumber, Place>,
    /// Items that a trouble is told of.
    troubled: HashSet<ItemNumber>,
}

impl Plan {
    /// Looks up what is needed, of all items at once. The shop is searched for items that may have to be made: what is
    /// known of them may be old.
    pub(super) async fn of(
        work: &Work<'_>,
        items: &[ItemNumber],
        products: &[Option<&ErpProduct>],
        marks: &[Marked],
    ) -> Result<Self, Stop> {
        let (ports, store) = (work.ports(), &work.store);
        let carried = records::carried(ports, store, items, Way::ToShop).await?;
        let family = Family::Shelf(store.id.clone());
        let shelves: Vec<Option<Shelf>> = records::get(ports, &family, &records::keys(items)).await?;
        let (mut places, mut unknown) = (HashMap::new(), Vec::new());
        for (((item, shelf), product), marked) in items.iter().zip(shelves).zip(products).zip(marks) {
            match shelf.and_then(|shelf| shelf.spot) {
                Some(spot) => {
                    places.insert(item.clone(), Place::At(spot));
                }
                None if product.is_some_and(|product| comes(work, product)) && is_settled(work, marked) => {
                    unknown.push(item.clone());
                }
                None => {}
            }
        }
        let found = shelf::search(work, &unknown).await?;
        for item in unknown {
            let place = locate(work, &item, &found).await?;
            places.insert(item, place);
        }
        let carried = items.iter().cloned().zip(carried);
        let carried = carried.filter_map(|(item, carried)| Some((item, carried?))).collect();
        let family = Family::ProductTrouble(store.id.clone());
        let troubles: Vec<Option<ProductTrouble>> =
            records::get(ports, &family, &records::keys(items)).await?;
        let troubled = items.iter().zip(troubles).filter(|(_, trouble)| trouble.is_some());
        let troubled = troubled.map(|(item, _)| item.clone()).collect();
        Ok(Self { pricing: work.pricing().await?, carried, places, troubled })
    }
}

/// Whether a product is to be made in the shop if it is not there.
fn comes(work: &Work<'_>, product: &ErpProduct) -> bool {
    !product.barred && is_wanted(product, &work.store.settings.products)
}

/// A product that is new waits a moment: it may be an old one under a new number, and then the old one's end is told
/// right before or after it.
fn is_settled(work: &Work<'_>, marked: &Marked) -> bool {
    later(marked.since, limits::DOUBT_WAIT) <= work.now()
}

/// Puts an item on its shelf, or finds that it has none.
async fn locate(work: &Work<'_>, item: &ItemNumber, found: &[Variant]) -> Result<Place, Stop> {
    let mut bearers = found.iter().filter(|variant| variant.sku.trim() == item.as_str());
    let Some(bearer) = bearers.next() else { return Ok(Place::Nowhere) };
    if bearers.next().is_some() {
        return Ok(Place::Several);
    }
    shelf::place(work, vec![(item.clone(), bearer.spot(), None)]).await?;
    Ok(Place::At(bearer.spot()))
}

/// Brings one item of a round to what Rackbeat shows.
pub(super) async fn item(
    work: &Work<'_>,
    plan: &Plan,
    marked: &Marked,
    product: &ErpProduct,
) -> Result<End, Stop> {
    let item = &product.number;
    if !is_wanted(product, &work.store.settings.products) {
        return Ok(End::Done);
    }
    match plan.places.get(item) {
        Some(Place::At(_)) if product.barred => {
            // What becomes of it in the shop is the merchant's choice.
            let message = "it is barred in Rackbeat and still in the shop".to_owned();
            trouble::tell(work, item.as_str(), item.as_str(), ProductCode::Barred, message).await?;
            Ok(End::Done)
        }
        Some(Place::At(spot)) => {
            if update(work, plan, product, spot).await? {
                return Ok(End::Done);
            }
            // It is not where it was: looked for once more, and anywhere.
            shelf::clear(work, item, Some(spot)).await?;
            Ok(End::Later(later(work.now(), limits::BACKOFF_FIRST)))
        }
        Some(Place::Several) => {
            let message = "several variants of the shop bear this SKU; none of them is carried".to_owned();
            trouble::tell(work, item.as_str(), item.as_str(), ProductCode::DuplicateSku, message).await?;
            Ok(work.retry(marked, ProductCode::DuplicateSku))
        }
        None if product.barred => Ok(End::Done),
        None => Ok(End::Later(later(marked.since, limits::DOUBT_WAIT))),
        Some(Place::Nowhere) => make(work, plan, marked, product).await,
    }
}

async fn make(work: &Work<'_>, plan: &Plan, marked: &Marked, product: &ErpProduct) -> Result<End, Stop> {
    let item = &product.number;
    if plan.carried.contains_key(item) {
        let message = "it was in the shop and was deleted there; it is not made again".to_owned();
        trouble::tell(work, item.as_str(), item.as_str(), ProductCode::DeletedInShop, message).await?;
        return Ok(End::Done);
    }
    if renamed::follow(work, &plan.pricing, product).await? {
        return Ok(End::Later(work.now()));
    }
    match create::create(work, &plan.pricing, product).await? {
        create::Created::Made => Ok(End::Done),
        // It is compared like any other in the next round.
        create::Created::WasThere => Ok(End::Later(work.now())),
        create::Created::Taken(handle) => {
            let message = format!("the shop has a product under the handle {handle}, with another SKU");
            trouble::tell(work, item.as_str(), item.as_str(), ProductCode::HandleTaken, message).await?;
            Ok(work.retry(marked, ProductCode::HandleTaken))
        }
    }
}

/// Writes what changed in Rackbeat to the variant, where it shows something else; false if it is not there.
async fn update(work: &Work<'_>, plan: &Plan, product: &ErpProduct, spot: &Spot) -> Result<bool, Stop> {
    let (item, ports, store) = (&product.number, work.ports(), &work.store);
    let before = plan.carried.get(item).map(|carried| carried.image.clone()).unwrap_or_default();
    let wanted = image(work, &plan.pricing, product, spot.lone);
    if changed(&wanted, &before).is_empty() {
        if plan.troubled.contains(item) {
            trouble::clear(work, &[item.to_string()]).await?;
        }
        if wanted != before {
            // A field is not carried any more.
            records::put_carried(ports, store, item, &as_carried(wanted)).await?;
        }
        return Ok(true);
    }
    let Some(variant) = read(work, spot.product, item).await?.filter(|variant| variant.id == spot.variant)
    else {
        return Ok(false);
    };
    let wanted = image(work, &plan.pricing, product, variant.lone);
    let mut shown = variant_shop_image(&variant);
    let news = changed(&wanted, &before);
    let differs = |field: &ProductField| news.contains_key(field) && news.get(field) != shown.get(field);
    let fields: Vec<ProductField> = ProductField::ALL.into_iter().filter(differs).collect();
    if let Some(edit) = shop_edit(product, &plan.pricing, &fields) {
        work.still_ours().await?;
        if if_there(work.context.shop.edit_product(spot.product, spot.variant, &edit).await)?.is_none() {
            return Ok(false);
        }
    }
    shown.extend(news);
    drift::note(ports, store, item, &wanted, &shown, &wanted).await?;
    trouble::clear(work, &[item.to_string()]).await?;
    records::put_carried(ports, store, item, &as_carried(wanted)).await?;
    Ok(true)
}

/// The variant of a product that bears this item's number now.
async fn read(work: &Work<'_>, product: ProductId, item: &ItemNumber) -> Result<Option<Variant>, Stop> {
    let variants = if_there(work.context.shop.product(product).await)?.unwrap_or_default();
    Ok(variants.into_iter().find(|variant| variant.sku.trim() == item.as_str()))
}

fn as_carried(image: Image) -> Carried {
    Carried { image, digest: Way::ToShop.mark().to_owned(), ..Carried::default() }
}

/// What a Rackbeat product looks like in this shop. What belongs to the whole product is its own only where it has no
/// other variants; a title cannot be empty.
fn image(work: &Work<'_>, pricing: &Pricing, product: &ErpProduct, lone: bool) -> Image {
    own_image(shop_image(product, &work.store.settings.products, pricing), lone)
}

pub(super) fn own_image(mut image: Image, lone: bool) -> Image {
    image.retain(|field, text| match field {
        ProductField::Name => lone && !text.is_empty(),
        ProductField::Description | ProductField::Category => lone,
        ProductField::Price | ProductField::Barcode | ProductField::Weight | ProductField::Cost => true,
    });
    image
}

/// An edit of these fields of a product in the shop; `None` for none.
pub(super) fn shop_edit(
    product: &ErpProduct,
    pricing: &Pricing,
    fields: &[ProductField],
) -> Option<ShopEdit> {
    let mut edit = ShopEdit::default();
    for field in fields {
        match field {
            ProductField::Name => edit.title = Some(product.name.trim().to_owned()),
            ProductField::Price => edit.price = pricing.to_shop(product.sales_price, product.group),
            ProductField::Barcode => edit.barcode = Some(product.barcode.clone().unwrap_or_default()),
            ProductField::Description => edit.description_html = Some(to_html(&product.description)),
            ProductField::Category => edit.product_type = Some(product.group_name.trim().to_owned()),
            ProductField::Weight | ProductField::Cost => {}
        }
    }
    (edit != ShopEdit::default()).then_some(edit)
}
