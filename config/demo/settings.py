"""The settings of the demo's workspace: three sources on loopback, who signs, and a mail server on loopback."""

from __future__ import annotations

from pathlib import Path

TOKEN_VARIABLE = "COHORTWATCH_DEMO_GITHUB_TOKEN"

_SETTINGS = """
[operator]
name = "Northmoor Biobank (demo)"
contact = "data-protection@northmoor.example"

[[sources]]
name = "github"
platform = "github"
address = "{github}"
token_variable = "{token_variable}"
allow_private = true
requests_per_minute = 6000

[[sources]]
name = "git-server"
platform = "git_server"
address = "{git}/"
allow_private = true
requests_per_minute = 6000

[[sources]]
name = "bazaar"
platform = "storefront"
address = "{shop}/"
allow_private = true
requests_per_minute = 6000
browser = {browser}

[sender]
organisation = "Northmoor Biobank"
signatory = "Dr Ines Moran"
email = "data-protection@northmoor.example"
postal_address = "1 Fen Road, Northmoor NM1 1AA"
telephone = "+44 20 7946 0000"
authority = "Data Protection Officer of the owner of the database right"
work = "The Northmoor Biobank participant database, unpublished, licensed to named institutions only."
right_claimed = "Copyright and database right in the compilation; personal data of research participants."
registration = "Charity no. 0000000"
contract_clause = "Clause 6.2 of the Material Transfer Agreement."
organisation_zh = "诺斯穆尔生物样本库（Northmoor Biobank）"
signatory_zh = "伊内丝·莫兰博士（Dr Ines Moran）"
postal_address_zh = "英国诺斯穆尔芬路 1 号，邮编 NM1 1AA（1 Fen Road, Northmoor）"
authority_zh = "数据库权利人的数据保护负责人"
work_zh = "诺斯穆尔生物样本库参与者数据库，从未公开发布，仅许可指定机构使用。"
right_claimed_zh = "我方主张该汇编数据库的著作权和数据库权利，以及研究参与者的个人信息权益。"
registration_zh = "英国慈善机构登记号 0000000"

[recipients.addresses]
github = "copyright@github.example"
git_server = "abuse@git.example"
storefront = "ipr@bazaar.example"

[recipients.institutions]
{institutions}

[mail]
host = "127.0.0.1"
port = {mail_port}
starttls = false

[console]
port = {console_port}
"""


def write_settings(
    home: Path,
    *,
    addresses: dict[str, str],
    institutions: dict[str, str],
    mail_port: int,
    console_port: int,
    has_browser: bool,
) -> None:
    """Writes settings.toml; `institutions` maps recipients to the e-mail addresses of their contacts."""
    lines = "\n".join(f'"{name}" = "{address}"' for name, address in institutions.items())
    text = _SETTINGS.format(
        **addresses,
        token_variable=TOKEN_VARIABLE,
        institutions=lines,
        mail_port=mail_port,
        console_port=console_port,
        browser=str(has_browser).lower(),
    )
    (home / "settings.toml").write_text(text.lstrip(), encoding="utf-8")
