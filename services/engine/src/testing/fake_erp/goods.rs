//! The account's products and stock.

use jiff::Timestamp;
use rust_decimal::Decimal;
use shopbeat_domain::erp::{ErpProduct, Item, ItemKind, NewProduct, ProductGroup};
use shopbeat_domain::failure::{Failure, Refusal};
use shopbeat_domain::ids::{ItemNumber, OrderNumber, StockLocation};
use shopbeat_domain::ports::Page;
use shopbeat_domain::product::ErpEdit;
use shopbeat_domain::stock::{ItemStock, PlaceStock};

use super::{Books, FakeErp, missing, no};

/// The account's default location; what no test put elsewhere lies there.
pub(super) const DEFAULT_LOCATION: StockLocation = StockLocation(2);

impl FakeErp {
    /// Puts a product or bill of materials, without stock if it is new.
    pub(crate) fn put_product(&self, product: ErpProduct) {
        self.books.lock().unwrap().put(product);
    }

    /// A person changes a product in Rackbeat.
    pub(crate) fn change_product(&self, number: &str, change: impl FnOnce(&mut ErpProduct)) {
        let mut books = self.books.lock().unwrap();
        let mut product = books.product(number).unwrap();
        change(&mut product);
        product.updated_at = Some(self.clock.now());
        assert_eq!(product.number.as_str(), number, "see `renumber`");
        books.put(product);
    }

    /// A person gives a product another number.
    pub(crate) fn renumber(&self, number: &str, to: &str) {
        self.books.lock().unwrap().renumber(number, to);
    }

    /// A product as it stands; `None` if there is none.
    pub(crate) fn product_now(&self, number: &str) -> Option<ErpProduct> {
        self.books.lock().unwrap().product(number)
    }

    /// Puts units at the default location.
    pub(crate) fn put_stock(&self, number: &str, units: i64) {
        self.put_stock_at(number, DEFAULT_LOCATION, units);
    }

    /// Puts units at a location.
    pub(crate) fn put_stock_at(&self, number: &str, location: StockLocation, units: i64) {
        self.books.lock().unwrap().put_at(number, location, Decimal::from(units));
    }

    /// What Rackbeat says can be sold of an item.
    pub(crate) fn available(&self, number: &str) -> Decimal {
        self.books.lock().unwrap().stock(number).unwrap().available.unwrap()
    }
}

impl Books {
    fn put(&mut self, product: ErpProduct) {
        let number = product.number.clone();
        let stock = self.items.get(number.as_str()).map(|item| item.stock).unwrap_or_default();
        let ErpProduct { kind, barred, keeps_stock, .. } = product;
        let item = Item { number: number.clone(), kind, barred, keeps_stock, stock };
        self.items.insert(number.to_string(), item);
        self.details.insert(number.to_string(), product);
    }

    pub(super) fn product(&self, number: &str) -> Option<ErpProduct> {
        let item = self.items.get(number)?;
        let details = self.details.get(number).cloned().unwrap_or_else(|| ErpProduct {
            number: item.number.clone(),
            kind: item.kind,
            name: format!("Item {number}"),
            description: String::new(),
            sales_price: Decimal::ZERO,
            barcode: None,
            group: 1,
            group_name: "Goods".to_owned(),
            weight_kg: None,
            barred: item.barred,
            keeps_stock: item.keeps_stock,
            fields: Vec::new(),
            updated_at: None,
        });
        let Item { number, kind, barred, keeps_stock, stock: _ } = item.clone();
        Some(ErpProduct { number, kind, barred, keeps_stock, ..details })
    }

    pub(super) fn make(
        &mut self,
        new: &NewProduct,
        groups: &[ProductGroup],
        now: Timestamp,
    ) -> Result<(), Failure> {
        if self.items.contains_key(new.number.as_str()) {
            return Err(no(Refusal::Duplicate, "create product"));
        }
        let group = groups.iter().find(|group| group.number == new.group);
        let group = group.ok_or_else(|| no(Refusal::Other, "create product: no such group"))?;
        self.put(ErpProduct {
            number: new.number.clone(),
            kind: ItemKind::Product,
            name: new.name.clone(),
            description: new.description.clone(),
            sales_price: new.sales_price,
            barcode: new.barcode.clone(),
            group: new.group,
            group_name: group.name.clone(),
            weight_kg: new.weight_kg,
            barred: false,
            keeps_stock: group.has_inventory,
            fields: Vec::new(),
            updated_at: Some(now),
        });
        self.products_made.push(new.clone());
        Ok(())
    }

    pub(super) fn edit(
        &mut self,
        number: &ItemNumber,
        kind: ItemKind,
        edit: &ErpEdit,
        numbers_stay: bool,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let found = self.product(number.as_str()).filter(|product| product.kind == kind);
        let mut product = found.ok_or_else(|| missing("edit product"))?;
        if let Some(to) = edit.number.as_ref().filter(|to| *to != number) {
            if self.items.contains_key(to.as_str()) {
                return Err(no(Refusal::Duplicate, "edit product"));
            }
            if numbers_stay {
                return Err(no(Refusal::Locked, "edit product"));
            }
        }
        let ErpEdit { number: to, name, description, sales_price, barcode, weight_kg, barred } = edit.clone();
        product.name = name.unwrap_or(product.name);
        product.description = description.unwrap_or(product.description);
        product.sales_price = sales_price.unwrap_or(product.sales_price);
        product.barcode = barcode.map_or(product.barcode, |code| Some(code).filter(|code| !code.is_empty()));
        product.weight_kg = weight_kg.or(product.weight_kg);
        product.barred = barred.unwrap_or(product.barred);
        product.updated_at = Some(now);
        self.put(product);
        if let Some(to) = to {
            self.renumber(number.as_str(), to.as_str());
        }
        self.edits.push((number.to_string(), edit.clone()));
        Ok(())
    }

    pub(super) fn renumber(&mut self, from: &str, to: &str) {
        let number = ItemNumber::parse(to).unwrap();
        let mut item = self.items.remove(from).unwrap();
        item.number = number.clone();
        self.items.insert(to.to_owned(), item);
        if let Some(mut details) = self.details.remove(from) {
            details.number = number.clone();
            self.details.insert(to.to_owned(), details);
        }
        let places = std::mem::take(&mut self.elsewhere).into_iter();
        self.elsewhere = places
            .map(|((item, at), units)| ((if item == from { to.to_owned() } else { item }, at), units))
            .collect();
        let lines = self.orders.values_mut().flat_map(|order| order.lines.iter_mut());
        for line in lines.filter(|line| line.item.as_ref().is_some_and(|item| item.as_str() == from)) {
            line.item = Some(number.clone());
        }
    }

    pub(super) fn lies_at(&self, number: &str, location: StockLocation) -> Option<Decimal> {
        let item = self.items.get(number)?;
        let elsewhere = |at: u64| self.elsewhere.get(&(number.to_owned(), at)).copied().unwrap_or_default();
        if location != DEFAULT_LOCATION {
            return Some(elsewhere(location.0));
        }
        let all: Decimal =
            self.elsewhere.iter().filter(|((item, _), _)| item == number).map(|(_, units)| *units).sum();
        Some(item.stock - all)
    }

    pub(super) fn put_at(&mut self, number: &str, location: StockLocation, units: Decimal) {
        let before = self.lies_at(number, location).unwrap();
        if location != DEFAULT_LOCATION {
            self.elsewhere.insert((number.to_owned(), location.0), units);
        }
        self.items.get_mut(number).unwrap().stock += units - before;
    }

    /// What is booked and not shipped; it is taken from the default location.
    fn booked(&self, number: &str) -> Decimal {
        let open = self.orders.values().filter(|order| {
            let flags = order.flags;
            flags.booked && !flags.shipped && !flags.cancelled
        });
        let lines = open.flat_map(|order| order.lines.iter());
        let of_item = lines.filter(|line| line.item.as_ref().is_some_and(|item| item.as_str() == number));
        of_item.map(|line| line.quantity).sum()
    }

    pub(super) fn stock(&self, number: &str) -> Option<ItemStock> {
        let item = self.items.get(number)?;
        let booked = if item.keeps_stock { self.booked(number) } else { Decimal::ZERO };
        let place = |location: StockLocation| {
            let physical = self.lies_at(number, location).unwrap_or_default();
            let taken = if location == DEFAULT_LOCATION { booked } else { Decimal::ZERO };
            PlaceStock { location, physical, available: Some(physical - taken) }
        };
        let others = self.elsewhere.keys().filter(|(item, _)| item == number);
        let places = others.map(|(_, at)| StockLocation(*at)).chain([DEFAULT_LOCATION]).map(place);
        Some(ItemStock {
            item: item.number.clone(),
            keeps_stock: item.keeps_stock,
            physical: item.stock,
            available: Some(item.stock - booked),
            places: Some(places.collect()),
        })
    }

    pub(super) fn stocks(&self) -> Vec<ItemStock> {
        self.items.keys().filter_map(|number| self.stock(number)).collect()
    }

    /// An order ships: its units lie there no more.
    pub(super) fn take_from_stock(&mut self, order: OrderNumber) {
        let lines = self.orders.get(&order.0).map(|order| order.lines.clone()).unwrap_or_default();
        for line in lines {
            let item = line.item.and_then(|item| self.items.get_mut(item.as_str()));
            if let Some(item) = item.filter(|item| item.keeps_stock) {
                item.stock -= line.quantity;
            }
        }
    }
}

/// One page, from 1, of all rows.
pub(super) fn paged<T>(rows: Vec<T>, page: u32, size: usize) -> Page<T> {
    let before = (usize::try_from(page).unwrap() - 1) * size;
    let next = (rows.len() > before + size).then(|| (page + 1).to_string());
    Page { rows: rows.into_iter().skip(before).take(size).collect(), next }
}
