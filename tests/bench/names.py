"""Names of fourteen locales, many different ones: what a search finds must be as rare as in an organisation's book."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Locale:
    """Names are put together of beginnings and endings. ``weight``: how many of a hundred people are of it."""

    weight: int
    family: tuple[str, str]
    given: tuple[str, str]
    family_first: bool = False


LOCALES = (
    Locale(30, ("Ash Bar Cam Dun Ell Far Hol Ken Mar Nor Pres Thorn Whit", "ley ton ford by worth field son man er well"),
           ("An Be Ca Da Ed Ge Ha Ju Li Ro Sa Wi", "na th rol vid ward orge rry lia sa bert rah lliam nny")),
    Locale(8, ("Mül Schmi Fisch Köh Bau Zimmer Wag Hoff Schä Lö", "ler dt er mann ner feld berg fer we"),
           ("Jo Kla Ste Wolf Han Ka Lu Mo", "nas us fan gang nes trin kas ritz")),
    Locale(6, ("Gar Fernán Rodrí Mar Álva Jimé Ro Her", "cía dez guez tínez rez nez mero rera"),
           ("Lu Mar Jo Car Ana Pa", "cía isol sé men bel blo tín")),
    Locale(6, ("Ros Bian Fer Esposi Ric Mari Gre", "si chi rari to ci no co ni"), ("Mar Giu Lu Fran Ales", "co lia ca cesco sio na")),
    Locale(6, ("Du Le Mo Ber Gar Rou Lam", "bois roy reau nard nier sseau bert clerc"), ("Cé Fran Ma Hé Lu", "line çois thieu lène cie rie")),
    Locale(6, ("No Kowal Wiś Wój Kamiń Lewan Zie", "wak ski niewski cik dowski liński"), ("Zo Ja Ma Ka Woj", "fia kub rta sia ciech tarzyna")),
    Locale(5, ("Yıl De Şa Çe Öz Ay Kı", "maz mir hin lik türk dın lıç"), ("Em Ay Meh Zey İs", "re şe met nep mail gül")),
    Locale(3, ("Papa Niko Dimi Geor", "dopoulos laou triou giou kis"), ("Ele Gior Kon Mar", "ni gos stantinos ia")),
    Locale(4, ("Ива Пет Сид Куз Смир Поп", "нов ров оров нецов ов енко"), ("Оль Ан Дмит Се Та", "га на рий ргей тьяна")),
    Locale(4, ("Nguy Tr Ph L Ho V", "ễn ần ạm ê àng õ"), ("Li Hươ Tu Mi Qua", "nh ng ấn ên ng")),
    Locale(9, ("김 이 박 최 정 강 조 윤 장 임 한 오", ""), ("민 서 지 하 예 도 은 수 현 영", "준 연 우 은 진 호 윤 아 빈 희 철"), True),
    Locale(7, ("王 李 张 刘 陈 杨 赵 黄 周 吴 徐", ""), ("伟 芳 秀 敏 静 丽 强 磊 军 洋 建", "英 娜 明 华 平 国 玲 杰 勇 文"), True),
    Locale(4, ("佐 鈴 高 田 渡 伊 山 中", "藤 木 橋 中 辺 村 本 川"), ("翔 美 大 陽 結 健 直", "太 咲 輔 菜 衣 一 樹"), True),
    Locale(2, ("Al- Ben Abu ", "Rashid Mansour Haddad Farouk Nasser"), ("Ai Kha Yu Fa", "sha lid suf tima mir")),
)  # fmt: skip
_SOUNDS = "ba ko ri ta mu ne lo shi va zu pe da gi fo ha ke mi sa tu ro".split()


@dataclass(frozen=True, slots=True)
class Name:
    """``full`` as its locale writes it; ``mail``: what stands before the @ of an address, once in the whole book."""

    family: str
    given: str
    full: str
    mail: str


def name(chance: random.Random, number: int) -> Name:
    """The name of a person."""
    (locale,) = chance.choices(LOCALES, [each.weight for each in LOCALES])
    family, given = (_joined(chance, parts) for parts in (locale.family, locale.given))
    full = f"{family}{given}" if locale.family_first else f"{given} {family}"
    sounds = f"{given}.{family}".lower().replace(" ", "")
    mail = sounds if sounds.isascii() else "".join(chance.choices(_SOUNDS, k=4))
    return Name(family, given, full, f"{mail}{number}")


def _joined(chance: random.Random, parts: tuple[str, str]) -> str:
    first, second = (part.split(" ") for part in parts)
    return chance.choice(first) + chance.choice(second)
