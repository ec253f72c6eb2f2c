from flask import abort, render_template

ARTICLES = ["Wine should be poured slowly", "Sediment stays in the bottle"]


def front_page() -> str:
    return render_template("main.html", articles=ARTICLES)


def article(number: int) -> str:
    if not 1 <= number <= len(ARTICLES):
        abort(404)
    return render_template("article.html", number=number, title=ARTICLES[number - 1])
