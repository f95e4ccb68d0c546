//! A product is made in the shop, once: it is looked for by its SKU and by its handle before, and making it twice under
//! one handle makes one product.

use shopbeat_domain::catalog::Variant;
use shopbeat_domain::erp::ErpProduct;
use shopbeat_domain::ids::{ItemNumber, ProductId};
use shopbeat_domain::ports::IdMap;
use shopbeat_domain::product::{NewShopProduct, Pricing, ProductField, to_html};
use shopbeat_domain::settings::Publish;
use uuid::Uuid;

use super::super::{Work, if_there, records, shelf, trouble};
use super::{as_carried, image};
use crate::transfer::Stop;

/// Longest handle that is made of a number.
const HANDLE_LENGTH: usize = 60;

pub(super) enum Created {
    /// It was made.
    Made,
    /// A try whose answer was lost had made it.
    WasThere,
    /// Another product has the handle.
    Taken(String),
}

/// Makes a product that no variant was found for by its SKU. The search lags behind, a handle does not.
pub(super) async fn create(
    work: &Work<'_>,
    pricing: &Pricing,
    product: &ErpProduct,
) -> Result<Created, Stop> {
    let item = &product.number;
    let [plain, own] = handles(work, item);
    let mut free = None;
    for handle in [&plain, &own] {
        match under(work, handle, item).await? {
            Under::Nobody => {
                free = Some(handle.clone());
                break;
            }
            Under::Ours(variant) => {
                shelf::place(work, vec![(item.clone(), variant.spot(), None)]).await?;
                return Ok(Created::WasThere);
            }
            Under::Others => {}
        }
    }
    let Some(handle) = free else { return Ok(Created::Taken(own)) };
    let new = as_new(work, pricing, product, handle);
    work.still_ours().await?;
    let variant = work.context.shop.create_product(&new).await?;
    tracing::info!(store.id = %work.store.id, item = %item, product = %variant.product, "made in the shop");
    remember(work, item, &variant).await?;
    let carried = as_carried(image(work, pricing, product, true));
    records::put_carried(work.ports(), &work.store, item, &carried).await?;
    trouble::clear(work, &[item.to_string()]).await?;
    Ok(Created::Made)
}

fn as_new(work: &Work<'_>, pricing: &Pricing, product: &ErpProduct, handle: String) -> NewShopProduct {
    let settings = &work.store.settings.products;
    let carries = |field: ProductField| settings.carries(field);
    let name = product.name.trim();
    let price = pricing.to_shop(product.sales_price, product.group);
    let description = carries(ProductField::Description).then(|| to_html(&product.description));
    let kind = carries(ProductField::Category).then(|| product.group_name.trim().to_owned());
    NewShopProduct {
        handle,
        title: if name.is_empty() { product.number.to_string() } else { name.to_owned() },
        description_html: description.unwrap_or_default(),
        product_type: kind.unwrap_or_default(),
        active: settings.publish == Publish::Active,
        sku: product.number.to_string(),
        price: price.filter(|_| carries(ProductField::Price)),
        barcode: product.barcode.clone().filter(|_| carries(ProductField::Barcode)),
        tracked: product.keeps_stock,
    }
}

async fn remember(work: &Work<'_>, item: &ItemNumber, variant: &Variant) -> Result<(), Stop> {
    let (ids, store) = (&work.ports().state.ids, &work.store);
    let known = IdMap::KnownItem(store.agreement.clone());
    ids.put(&known, &[(item.to_string(), "1".to_owned())]).await?;
    let variants = IdMap::VariantItem(store.id.clone());
    ids.put(&variants, &[(variant.id.to_string(), item.to_string())]).await?;
    records::put_items_of(work, variant.product, std::slice::from_ref(item)).await?;
    Ok(shelf::place(work, vec![(item.clone(), variant.spot(), None)]).await?)
}

/// What stands under a handle.
enum Under {
    Nobody,
    /// A product with this item's SKU.
    Ours(Box<Variant>),
    /// Another one: making ours there would overwrite it.
    Others,
}

async fn under(work: &Work<'_>, handle: &str, item: &ItemNumber) -> Result<Under, Stop> {
    let Some(product) = work.context.shop.product_with_handle(handle).await? else {
        return Ok(Under::Nobody);
    };
    let bearer = bearer(work, product, item).await?;
    Ok(bearer.map_or(Under::Others, |variant| Under::Ours(Box::new(variant))))
}

async fn bearer(work: &Work<'_>, product: ProductId, item: &ItemNumber) -> Result<Option<Variant>, Stop> {
    let variants = if_there(work.context.shop.product(product).await)?.unwrap_or_default();
    Ok(variants.into_iter().find(|variant| variant.sku.trim() == item.as_str()))
}

/// Two handles that follow from the item's number alone, whatever else changes between two tries: a readable one, and
/// one that no other product has.
fn handles(work: &Work<'_>, item: &ItemNumber) -> [String; 2] {
    let name = format!("{}|{item}", work.store.id);
    let mark = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).simple().to_string();
    let mark: String = mark.chars().take(8).collect();
    let slug = slug(item.as_str());
    let own = if slug.is_empty() { format!("item-{mark}") } else { format!("{slug}-{mark}") };
    // Where a number loses something in the slug, another number may come to the same.
    let readable = slug == item.as_str().to_lowercase();
    [if readable { slug } else { own.clone() }, own]
}

/// As Shopify writes handles: small letters, digits and single dashes.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            'a'..='z' | '0'..='9' => slug.push(c),
            'å' | 'ä' | 'à' | 'á' => slug.push('a'),
            'æ' => slug.push_str("ae"),
            'ø' | 'ö' | 'ó' => slug.push('o'),
            'é' | 'è' | 'ë' => slug.push('e'),
            'ü' => slug.push('u'),
            _ if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            _ => {}
        }
        if slug.len() >= HANDLE_LENGTH {
            break;
        }
    }
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::slug;

    #[test]
    fn a_handle_has_small_letters_digits_and_single_dashes() {
        assert_eq!(slug("TENT-2P"), "tent-2p");
        assert_eq!(slug(" Rød / Blå (stor)! "), "rod-bla-stor");
        assert_eq!(slug("##"), "");
    }
}
