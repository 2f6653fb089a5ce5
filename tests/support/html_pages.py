"""A page as its elements and their texts, read by Python's own parser."""

from html.parser import HTMLParser

VOID = {'meta', 'img', 'br', 'hr', 'link', 'input'}


class Page(HTMLParser):
    """Collect elements; a tag that closes another than the last is an error.

    Args:
        text: The page.

    Attributes:
        elements: Tag and attributes of each element.
        texts: Texts by the tag that they are in.
        rows: Texts of the cells of each row of a table.
    """

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.texts, self.rows = [], {}, []
        self.open = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        assert len(dict(attributes)) == len(attributes), (
            'attribute given twice'
        )
        self.elements.append((tag, dict(attributes)))
        if tag == 'tr':
            self.rows.append([])
        if tag in ('td', 'th'):
            self.rows[-1].append('')
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, (self.open, tag)
        self.open.pop()

    def handle_data(self, data):
        tag = self.open[-1] if self.open else ''
        self.texts.setdefault(tag, []).append(data)
        if {'td', 'th'} & set(self.open):
            self.rows[-1][-1] += data

    def all(self, tag):
        return [
            attributes for name, attributes in self.elements if name == tag
        ]

    def text(self, tag):
        return ''.join(self.texts.get(tag, ()))
