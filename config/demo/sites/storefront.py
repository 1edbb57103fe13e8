"""A shop with listings in English and Chinese: schema.org markup, one page drawn by JavaScript, files to download."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from flask import Flask, Response, render_template_string

_INDEX = """<!doctype html><html lang=en><meta charset=utf-8><title>数据集市 Dataset Bazaar</title>
<h1>数据集市 Dataset Bazaar</h1><ul>{% for one in listings %}
<li><a href="/item/{{ one.number }}">{{ one.title }}</a> ¥{{ one.price }}{% endfor %}</ul></html>"""

_PAGE = """<!doctype html><html lang="{{ one.language }}"><meta charset=utf-8><title>{{ one.title }}</title>
{% if not drawn %}<script type="application/ld+json">{{ markup|safe }}</script>{% endif %}
<style>body{font:16px sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}
.price{color:#b40000;font-size:1.4rem}</style>
{% if drawn %}<main id="item">Loading…</main>
<script>
const item = {{ markup|safe }};
const words = document.createElement("script");
words.type = "application/ld+json";
words.textContent = JSON.stringify(item);
document.head.append(words);
const main = document.getElementById("item");
main.replaceChildren();
const add = (tag, text, kind) => {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = kind || "";
  main.append(made);
  return made;
};
add("h1", item.name); add("p", "¥" + item.offers.price, "price"); add("p", item.description);
for (const file of {{ files|safe }}) { const link = add("a", file); link.href = "/files/" + file; }
</script>
{% else %}<main><h1>{{ one.title }}</h1><p class=price>¥{{ one.price }}</p><p>{{ one.text }}</p>
{% for file in one.files %}<p><a href="/files/{{ file }}">{{ file }}</a></p>{% endfor %}</main>{% endif %}
</html>"""

_GONE = """<!doctype html><html lang=zh><meta charset=utf-8><title>商品已下架</title>
<main><p>商品已下架</p></main></html>"""


@dataclass
class Listing:
    """One thing for sale."""

    number: int
    title: str
    text: str
    price: str
    seller: str
    language: str = "zh"
    drawn: bool = False
    """True where the page shows nothing without JavaScript."""
    files: dict[str, bytes] = field(default_factory=dict)
    picture: bytes = b""
    """What is shown with it; empty where nothing is."""
    removed: bool = False


@dataclass
class Storefront:
    """Listings by number; they may change while the shop is open."""

    listings: dict[int, Listing] = field(default_factory=dict)

    def add(self, listing: Listing) -> None:
        self.listings[listing.number] = listing

    def app(self, address: str) -> Flask:
        shop = Flask("storefront")
        shop.add_url_rule("/", "index", self._index)
        shop.add_url_rule(
            "/robots.txt", "robots", lambda: Response("User-agent: *\nAllow: /\n", mimetype="text/plain")
        )
        shop.add_url_rule("/item/<int:number>", "item", lambda number: self._item(number, address))
        shop.add_url_rule("/files/<name>", "file", self._file)
        shop.add_url_rule("/pictures/<int:number>", "picture", self._picture)
        return shop

    def _up(self) -> list[Listing]:
        return [one for one in self.listings.values() if not one.removed]

    def _index(self) -> str:
        return render_template_string(_INDEX, listings=self._up())

    def _item(self, number: int, address: str) -> Response:
        one = self.listings.get(number)
        if one is None:
            return Response("<h1>404</h1>", 404)
        if one.removed:
            return Response(_GONE)
        page = render_template_string(
            _PAGE,
            one=one,
            drawn=one.drawn,
            markup=_for_script(_markup(one, address)),
            files=_for_script(list(one.files)),
        )
        return Response(page)

    def _file(self, name: str) -> Response:
        for one in self._up():
            if name in one.files:
                return Response(one.files[name], mimetype="application/octet-stream")
        return Response("gone", 404)

    def _picture(self, number: int) -> Response:
        one = self.listings.get(number)
        if one is None or one.removed or not one.picture:
            return Response("gone", 404)
        return Response(one.picture, mimetype="image/png")


def _markup(one: Listing, address: str) -> dict[str, object]:
    offer = {
        "@type": "Offer",
        "price": one.price,
        "priceCurrency": "CNY",
        "availability": "https://schema.org/InStock",
        "seller": {"@type": "Organization", "name": one.seller},
    }
    return {
        "@context": "https://schema.org",
        "@type": "Product",
        "name": one.title,
        "description": one.text,
        "sku": str(one.number),
        "url": f"{address}/item/{one.number}",
        **({"image": [f"{address}/pictures/{one.number}"]} if one.picture else {}),
        "offers": offer,
    }


def _for_script(value: object) -> str:
    """JSON that may stand inside a script element."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")
