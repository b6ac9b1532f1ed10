"""Names, companies and towns of the demo organisation's contacts, by locale. Data only; every person is invented.

A name is ``native/latin`` (``native/latin/kana`` for Japanese); the latin form makes the mail address. Domains end in
``.example``, which nobody can own (RFC 2606).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Locale:
    """What the people of one locale are made of. ``number``: digits after the country's prefix, # for a digit."""

    tag: str
    country: str
    family_first: bool
    family: str
    given: str
    companies: str
    towns: str
    titles: str
    prefix: str
    mobile: str
    landline: str


LOCALES: tuple[Locale, ...] = (
    Locale(
        "ko", "KR", True,
        "김/kim 이/lee 박/park 최/choi 정/jung 강/kang 조/cho 윤/yoon 홍/hong 남궁/namgung",
        "민준/minjun 서연/seoyeon 지후/jihu 하은/haeun 도윤/doyun 수빈/subin 길동/gildong 예린/yerin 현우/hyunwoo 지민/jimin",
        "한빛물산/hanbit 서울상사/seoul-trading",
        "서울 부산 대전 광주",
        "팀장|대리|부장|대표이사",
        "+82", "10-####-####", "2-###-####",
    ),
    Locale(
        "zh-CN", "CN", True,
        "王/wang 李/li 张/zhang 刘/liu 陈/chen 杨/yang 赵/zhao 欧阳/ouyang 周/zhou 吴/wu",
        "伟/wei 芳/fang 秀英/xiuying 磊/lei 静/jing 建国/jianguo 丽/li 志强/zhiqiang 晓明/xiaoming 雪/xue",
        "东方科技/dongfang 长城贸易/changcheng",
        "北京 上海 深圳 成都",
        "经理|工程师|总监|采购",
        "+86", "138 #### ####", "10 #### ####",
    ),
    Locale(
        "zh-TW", "TW", True,
        "陳/chen 林/lin 黃/huang 張/chang 吳/wu 劉/liu 蔡/tsai 楊/yang 許/hsu 鄭/cheng",
        "志明/chihming 淑芬/shufen 俊傑/chunchieh 雅婷/yating 家豪/chiahao 怡君/yichun 建宏/chienhung 美玲/meiling 冠宇/kuanyu 佩珊/peishan",
        "寶島電子/baodao 台灣物流/taiwan-logistics",
        "台北 高雄 台中 新竹",
        "經理|工程師|業務|協理",
        "+886", "9## ### ###", "2 2### ####",
    ),
    Locale(
        "ja", "JP", True,
        "佐藤/sato/さとう 鈴木/suzuki/すずき 高橋/takahashi/たかはし 田中/tanaka/たなか 伊藤/ito/いとう "
        "渡辺/watanabe/わたなべ 山本/yamamoto/やまもと 中村/nakamura/なかむら 小林/kobayashi/こばやし 髙島/takashima/たかしま",
        "翔太/shota/しょうた 美咲/misaki/みさき 健一/kenichi/けんいち さくら/sakura/さくら 大輔/daisuke/だいすけ "
        "由美/yumi/ゆみ 拓也/takuya/たくや 陽菜/hina/ひな 直樹/naoki/なおき 愛/ai/あい",
        "富士商事/fuji-shoji 桜電機/sakura-denki",
        "東京 大阪 名古屋 札幌",
        "部長|課長|係長|営業担当",
        "+81", "90-1###-####", "3-5###-####",
    ),
    Locale(
        "de", "DE", False,
        "Müller/mueller Schmidt/schmidt Weiß/weiss Fischer/fischer Größl/groessl Wagner/wagner Becker/becker "
        "Schäfer/schaefer Köhler/koehler Jäger/jaeger",
        "Anna/anna Jürgen/juergen Sabine/sabine Lukas/lukas Jörg/joerg Käthe/kaethe Stefan/stefan Ulrike/ulrike Felix/felix Heike/heike",
        "Rheintal_Maschinenbau_GmbH/rheintal Nordlicht_AG/nordlicht",
        "Berlin München Köln Düsseldorf",
        "Geschäftsführerin|Einkäufer|Vertriebsleiter|Sachbearbeiterin",
        "+49", "151 2#######", "30 #######",
    ),
    Locale(
        "el", "GR", False,
        "Παπαδόπουλος/papadopoulos Γεωργίου/georgiou Νικολάου/nikolaou Δημητρίου/dimitriou Ιωάννου/ioannou "
        "Κωνσταντίνου/konstantinou Αντωνίου/antoniou Βασιλείου/vasileiou Χριστοδούλου/christodoulou Οικονόμου/oikonomou",
        "Γιώργος/giorgos Μαρία/maria Νίκος/nikos Ελένη/eleni Κώστας/kostas Σοφία/sofia Άγγελος/angelos Δέσποινα/despina Στέλιος/stelios Ζωή/zoe",
        "Αιγαίο_ΑΕ/aigaio Όλυμπος_Εμπορική/olympos",
        "Αθήνα Θεσσαλονίκη Πάτρα Ηράκλειο",
        "Διευθυντής|Μηχανικός|Πωλήσεις|Γραμματεία",
        "+30", "69########", "21########",
    ),
    Locale(
        "tr", "TR", False,
        "Yılmaz/yilmaz Kaya/kaya Demir/demir Çelik/celik Şahin/sahin Yıldız/yildiz Öztürk/ozturk Aydın/aydin İnce/ince Güneş/gunes",
        "İbrahim/ibrahim Ayşe/ayse Işıl/isil Mehmet/mehmet Çağla/cagla Ömer/omer Zeynep/zeynep Uğur/ugur Şule/sule Gökhan/gokhan",
        "Boğaziçi_Ticaret/bogazici Işık_Lojistik/isik-lojistik",
        "İstanbul Ankara İzmir Diyarbakır",
        "Müdür|Mühendis|Satış|Muhasebe",
        "+90", "53# ### ## ##", "212 ### ## ##",
    ),
    Locale(
        "fr", "FR", False,
        "Lefèvre/lefevre Moreau/moreau Garçon/garcon Dubois/dubois Bérénger/berenger Rousseau/rousseau Le_Goff/legoff "
        "Noël/noel D'Alembert/dalembert Faÿ/fay",
        "Élodie/elodie François/francois Chloé/chloe Jean-Luc/jean-luc Zoé/zoe Théo/theo Anaïs/anais Loïc/loic Hélène/helene Benoît/benoit",
        "Atelier_Lumière_SARL/lumiere Société_Générale_des_Thés/sgt",
        "Paris Lyon Besançon Nîmes",
        "Directrice|Ingénieur|Acheteur|Assistante",
        "+33", "6 1# ## ## ##", "1 4# ## ## ##",
    ),
    Locale(
        "es", "ES", False,
        "García_López/garcia Núñez_Peña/nunez Fernández_Ruiz/fernandez Muñoz_Vega/munoz Ibáñez_Gil/ibanez Rodríguez_Sáez/rodriguez "
        "Martín_Díaz/martin Álvarez_Soto/alvarez Gómez_Cruz/gomez Ortiz_Vidal/ortiz",
        "José/jose María_José/mariajose Íñigo/inigo Lucía/lucia Andrés/andres Begoña/begona Raúl/raul Inés/ines Joaquín/joaquin Sofía/sofia",
        "Viñedos_del_Sur/vinedos Olivar_S.L./olivar",
        "Madrid Málaga Logroño Cádiz",
        "Directora|Ingeniero|Compras|Comercial",
        "+34", "6## ## ## ##", "91# ## ## ##",
    ),
    Locale(
        "pl", "PL", False,
        "Kowalski/kowalski Wiśniewska/wisniewska Wójcik/wojcik Kamiński/kaminski Zieliński/zielinski Szymańska/szymanska "
        "Łukasik/lukasik Dąbrowski/dabrowski Żak/zak Święch/swiech",
        "Łukasz/lukasz Małgorzata/malgorzata Paweł/pawel Agnieszka/agnieszka Stanisław/stanislaw Żaneta/zaneta Michał/michal Zofia/zofia Grzegorz/grzegorz Bożena/bozena",
        "Wisła_Transport/wisla Bałtyk_sp._z_o.o./baltyk",
        "Warszawa Łódź Kraków Gdańsk",
        "Kierownik|Inżynier|Księgowa|Handlowiec",
        "+48", "60# ### ###", "22 ### ## ##",
    ),
    Locale(
        "ru", "RU", False,
        "Иванов/ivanov Смирнова/smirnova Кузнецов/kuznetsov Соколова/sokolova Попов/popov Лебедева/lebedeva Королёв/korolev "
        "Фёдорова/fedorova Щукин/schukin Юрьева/yuryeva",
        "Алексей/alexey Ольга/olga Дмитрий/dmitry Наталья/natalya Сергей/sergey Татьяна/tatyana Пётр/petr Екатерина/ekaterina Артём/artem Юлия/yulia",
        "Волга_Сервис/volga Северный_Путь/severny",
        "Москва Казань Омск Пермь",
        "Директор|Инженер|Менеджер|Бухгалтер",
        "+7", "912 ###-##-##", "495 ###-##-##",
    ),
    Locale(
        "ar", "EG", False,
        "المصري/almasri حسن/hassan عبدالله/abdallah النجار/alnajjar خليل/khalil الشريف/alsharif منصور/mansour سليمان/soliman فرج/farag زكي/zaki",
        "أحمد/ahmed فاطمة/fatma محمد/mohamed مريم/mariam يوسف/youssef نور/nour عمر/omar ليلى/layla كريم/karim هدى/hoda",
        "شركة_النيل/nile مؤسسة_القاهرة/cairo-trading",
        "القاهرة الإسكندرية الجيزة أسوان",
        "مدير|مهندس|محاسب|مندوب مبيعات",
        "+20", "10 #### ####", "2 2### ####",
    ),
    Locale(
        "hi", "IN", False,
        "शर्मा/sharma वर्मा/verma गुप्ता/gupta सिंह/singh मिश्रा/mishra पाण्डेय/pandey यादव/yadav जोशी/joshi चौहान/chauhan त्रिपाठी/tripathi",
        "अमित/amit प्रिया/priya राहुल/rahul अनीता/anita संजय/sanjay काव्या/kavya विकास/vikas दीपिका/deepika ऋषि/rishi श्रुति/shruti",
        "गंगा_उद्योग/ganga भारत_टेक/bharat-tech",
        "दिल्ली मुंबई लखनऊ जयपुर",
        "प्रबंधक|अभियंता|लेखाकार|विक्रेता",
        "+91", "98### #####", "11 2### ####",
    ),
    Locale(
        "vi", "VN", True,
        "Nguyễn/nguyen Trần/tran Lê/le Phạm/pham Hoàng/hoang Vũ/vu Đặng/dang Bùi/bui Đỗ/do Ngô/ngo",
        "Văn_An/an Thị_Hương/huong Minh_Đức/duc Thu_Hà/ha Quốc_Bảo/bao Ngọc_Ánh/anh Tuấn_Kiệt/kiet Thùy_Linh/linh Hữu_Phước/phuoc Mỹ_Duyên/duyen",
        "Công_ty_Sông_Hồng/songhong Thương_mại_Sao_Mai/saomai",
        "Hà_Nội Huế Đà_Nẵng Cần_Thơ",
        "Giám đốc|Kỹ sư|Kế toán|Kinh doanh",
        "+84", "90 ### ## ##", "24 3### ####",
    ),
    Locale(
        "en", "GB", False,
        "Smith/smith O'Brien/obrien Taylor-Jones/taylor-jones Williams/williams McDonald/mcdonald Evans/evans Walker/walker "
        "Hughes/hughes Clarke/clarke van_der_Berg/vanderberg",
        "Oliver/oliver Amelia/amelia Jack/jack Charlotte/charlotte Zoë/zoe Harry/harry Grace/grace Seán/sean Emily/emily Renée/renee",
        "Thames_Valley_Tools_Ltd/thames Moorland_&_Sons,_Drapers/moorland",
        "London Leeds Bath Cardiff",
        "Managing Director|Engineer|Buyer|Assistant",
        "+44", "7700 900###", "20 7946 0###",
    ),
)  # fmt: skip
