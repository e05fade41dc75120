"""Houses that were never sold: a stand-in for Kaggle's House Prices table, made by code from a seed.

The tables have Kaggle's 81 columns, their types, categories and patterns of missing values, and a price that
depends on them: the logarithm of the price is a sum of effects (area, quality, age, neighbourhood, ...) and a
noise with heavy tails. So the lessons of the real table hold; tests/course_utils/test_houses.py measures.

What is missing follows the real table: NA in a column such as GarageType means that there is no garage; NA in
LotFrontage that nobody measured. MasVnrType has the word None for "no veneer", which pandas reads as missing.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

VERSION = 1  # goes up when the tables change, so that old files are not met
TRAIN_ROWS, TEST_ROWS = 1460, 1459
OUTLIER = 1299  # the Id of a huge house that was sold for little

# share, year built (mean, spread), quality (1 to 10), size (log), premium (log price), zone
NEIGHBORHOODS = {
    "NAmes": (15.4, 1959, 6, 5.3, -0.12, -0.01, "RL"),
    "CollgCr": (10.3, 1999, 7, 6.7, 0.00, 0.03, "RL"),
    "OldTown": (7.7, 1922, 22, 5.3, -0.06, -0.09, "RM"),
    "Edwards": (6.8, 1956, 17, 5.1, -0.12, -0.08, "RL"),
    "Somerst": (5.9, 2005, 3, 7.2, 0.06, 0.08, "FV"),
    "Gilbert": (5.4, 1999, 6, 6.5, 0.10, 0.00, "RL"),
    "NridgHt": (5.3, 2005, 3, 8.2, 0.24, 0.15, "RL"),
    "Sawyer": (5.1, 1963, 6, 5.1, -0.18, -0.02, "RL"),
    "NWAmes": (5.0, 1975, 4, 6.3, 0.14, -0.02, "RL"),
    "SawyerW": (4.0, 1989, 8, 6.2, 0.06, 0.00, "RL"),
    "BrkSide": (4.0, 1931, 11, 5.0, -0.18, -0.03, "RM"),
    "Crawfor": (3.5, 1944, 18, 6.2, 0.14, 0.14, "RL"),
    "Mitchel": (3.4, 1982, 10, 5.6, -0.12, -0.02, "RL"),
    "NoRidge": (2.8, 1996, 4, 7.9, 0.46, 0.13, "RL"),
    "Timber": (2.6, 1990, 12, 7.1, 0.12, 0.06, "RL"),
    "IDOTRR": (2.5, 1925, 16, 4.8, -0.20, -0.20, "RM"),
    "ClearCr": (1.9, 1966, 14, 5.9, 0.20, 0.06, "RL"),
    "StoneBr": (1.7, 1999, 9, 8.2, 0.20, 0.20, "RL"),
    "SWISU": (1.7, 1925, 9, 5.4, 0.10, -0.05, "RL"),
    "MeadowV": (1.2, 1972, 3, 4.5, -0.30, -0.20, "RM"),
    "Blmngtn": (1.2, 2005, 2, 7.2, -0.02, 0.05, "RL"),
    "BrDale": (1.1, 1971, 2, 5.7, -0.25, -0.12, "RM"),
    "Veenker": (0.8, 1977, 7, 6.7, 0.04, 0.10, "RL"),
    "NPkVill": (0.6, 1976, 2, 6.0, -0.15, 0.00, "RL"),
    "Blueste": (0.2, 1980, 1, 6.0, -0.10, 0.00, "RM"),
}

# Steps of log price. What is not here does not count.
EFFECTS = {
    "MSZoning": {"C (all)": -0.35, "RM": -0.05, "RH": -0.04, "FV": 0.05},
    "Condition1": {"Artery": -0.09, "Feedr": -0.05, "RRAe": -0.09, "PosN": 0.07, "PosA": 0.06, "Norm": 0.02},
    "BldgType": {"Duplex": -0.08, "Twnhs": -0.09, "TwnhsE": -0.03, "2fmCon": -0.03},
    "LotConfig": {"CulDSac": 0.04, "FR2": -0.03},
    "Street": {"Grvl": -0.12},
    "RoofMatl": {"WdShngl": 0.12},
    "Exterior1st": {"BrkFace": 0.06, "BrkComm": -0.20},
    "MasVnrType": {"Stone": 0.03},
    "ExterQual": {"Fa": -0.06, "Gd": 0.02, "Ex": 0.05},
    "KitchenQual": {"Fa": -0.05, "Gd": 0.03, "Ex": 0.09},
    "BsmtQual": {"Fa": -0.03, "Gd": 0.02, "Ex": 0.07, "NA": -0.07},
    "BsmtExposure": {"Gd": 0.06, "Av": 0.02},
    "BsmtFinType1": {"GLQ": 0.03, "Unf": -0.02},
    "HeatingQC": {"Ex": 0.02, "Fa": -0.04, "Po": -0.08},
    "CentralAir": {"N": -0.07},
    "Functional": {"Typ": 0.06, "Maj2": -0.18, "Sev": -0.20},
    "FireplaceQu": {"Ex": 0.03, "Gd": 0.01},
    "GarageType": {"NA": -0.08, "Detchd": -0.02, "BuiltIn": 0.01},
    "PavedDrive": {"N": -0.03},
    "SaleType": {"New": 0.05},
    "SaleCondition": {"Abnorml": -0.09, "Family": -0.04, "AdjLand": -0.10, "Partial": 0.04},
}
SLOPES = {
    "OverallQual": 0.066,
    "OverallCond": 0.042,
    "YearBuilt": 0.0019,
    "YearRemodAdd": 0.0010,
    "TotalBsmtSF": 0.00010,
    "BsmtFinSF1": 0.00006,
    "GarageCars": 0.050,
    "Fireplaces": 0.035,
    "FullBath": 0.020,
    "BsmtFullBath": 0.030,
    "KitchenAbvGr": -0.050,
    "WoodDeckSF": 0.0001,
    "ScreenPorch": 0.0003,
    "PoolArea": 0.0003,
}
MEDIAN_PRICE, SPREAD = 163_000, 0.375  # the standard deviation of the log price without noise
GRADES = ("Po", "Fa", "TA", "Gd", "Ex")  # poor, fair, typical, good, excellent

_COLUMNS = """
Id MSSubClass MSZoning LotFrontage LotArea Street Alley LotShape LandContour Utilities LotConfig
LandSlope Neighborhood Condition1 Condition2 BldgType HouseStyle OverallQual OverallCond YearBuilt
YearRemodAdd RoofStyle RoofMatl Exterior1st Exterior2nd MasVnrType MasVnrArea ExterQual ExterCond
Foundation BsmtQual BsmtCond BsmtExposure BsmtFinType1 BsmtFinSF1 BsmtFinType2 BsmtFinSF2 BsmtUnfSF
TotalBsmtSF Heating HeatingQC CentralAir Electrical 1stFlrSF 2ndFlrSF LowQualFinSF GrLivArea
BsmtFullBath BsmtHalfBath FullBath HalfBath BedroomAbvGr KitchenAbvGr KitchenQual TotRmsAbvGrd
Functional Fireplaces FireplaceQu GarageType GarageYrBlt GarageFinish GarageCars GarageArea
GarageQual GarageCond PavedDrive WoodDeckSF OpenPorchSF EnclosedPorch 3SsnPorch ScreenPorch PoolArea
PoolQC Fence MiscFeature MiscVal MoSold YrSold SaleType SaleCondition SalePrice
"""
_TEXT_COLUMNS = """
MSZoning Street Alley LotShape LandContour Utilities LotConfig LandSlope Neighborhood Condition1
Condition2 BldgType HouseStyle RoofStyle RoofMatl Exterior1st Exterior2nd MasVnrType ExterQual
ExterCond Foundation BsmtQual BsmtCond BsmtExposure BsmtFinType1 BsmtFinType2 Heating HeatingQC
CentralAir Electrical KitchenQual Functional FireplaceQu GarageType GarageFinish GarageQual
GarageCond PavedDrive PoolQC Fence MiscFeature SaleType SaleCondition
"""
COLUMNS = tuple(_COLUMNS.split())
TEXT_COLUMNS = frozenset(_TEXT_COLUMNS.split())
NUMERIC_COLUMNS = frozenset(COLUMNS) - TEXT_COLUMNS


def draw(seed: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The training table (1460, 81) and the test table (1459, 80), which has no SalePrice.

    Text columns hold strings, "NA" among them; what is missing in a numeric column is nan.
    """
    houses = _Street(TRAIN_ROWS + TEST_ROWS, np.random.default_rng(seed))
    houses.place()
    houses.build()
    houses.furnish()
    houses.sell()
    houses.forget()
    table = pd.DataFrame({name: houses.columns[name] for name in COLUMNS})
    train, test = table[:TRAIN_ROWS].copy(), table[TRAIN_ROWS:].reset_index(drop=True)
    test = test.drop(columns="SalePrice")
    return _with_whole_numbers(train), _with_whole_numbers(test)


def _with_whole_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """Numeric columns in which nothing is missing as int64."""
    whole = [name for name in table if name in NUMERIC_COLUMNS and table[name].notna().all()]
    return table.astype(dict.fromkeys(whole, "int64"))


class _Street:
    """The houses under construction: columns[name] is an array with an entry for each."""

    def __init__(self, count: int, rng: np.random.Generator) -> None:
        self.count, self.rng = count, rng
        self.columns: dict[str, np.ndarray] = {"Id": np.arange(1, count + 1)}

    # Ways to fill a column

    def normal(self) -> np.ndarray:
        return self.rng.standard_normal(self.count)

    def happens(self, probability: float | np.ndarray) -> np.ndarray:
        return self.rng.random(self.count) < probability

    def pick(self, shares: Mapping[str, float]) -> np.ndarray:
        """A category for each house, independently."""
        weights = np.array(list(shares.values()), float)
        return self.rng.choice(np.array(list(shares), object), self.count, p=weights / weights.sum())

    def ranked(self, score: np.ndarray, names: Sequence, shares: Sequence[float]) -> np.ndarray:
        """Categories in order of a score: the lowest scores get the first name, in the given shares."""
        edges = np.cumsum(shares)[:-1] / np.sum(shares) * self.count
        rank = np.argsort(np.argsort(score, kind="stable"), kind="stable")
        return np.array(names, object)[np.searchsorted(edges, rank, side="right")]

    def set(self, **columns: np.ndarray) -> None:
        self.columns |= columns

    def __getitem__(self, name: str) -> np.ndarray:
        return self.columns[name]

    # A house comes into being

    def place(self) -> None:
        """The neighbourhood, and what depends on it alone."""
        count = self.count
        shares = np.array([facts[0] for facts in NEIGHBORHOODS.values()])
        which = self.rng.choice(len(NEIGHBORHOODS), count, p=shares / shares.sum())
        facts = list(NEIGHBORHOODS.values())
        mean, spread, quality, size, premium = (
            np.array([fact[i] for fact in facts], float)[which] for i in range(1, 6)
        )
        year = np.clip(np.round(mean + spread * self.normal()), 1872, 2010)
        self.size, self.premium = size + 0.24 * self.normal(), premium
        self.luxury = quality + 0.012 * (year - mean) + 0.85 * self.normal()  # what OverallQual rounds
        zone = np.array([fact[6] for fact in facts], object)[which]
        zone[self.happens(0.006) & (year < 1940)] = "C (all)"
        zone[self.happens(0.02) & (year < 1975)] = "RH"
        lot = np.round(np.exp(9.10 + 0.35 * self.size + 0.42 * self.normal() + 0.3 * (zone == "RL") - 0.35))
        shape = self.ranked(
            np.log(lot) + 0.8 * self.normal(), ["Reg", "IR1", "IR2", "IR3"], [63.4, 33.1, 2.8, 0.7]
        )
        self.set(
            Neighborhood=np.array(list(NEIGHBORHOODS), object)[which],
            MSZoning=zone,
            YearBuilt=year,
            LotArea=np.clip(lot, 1300, 215_000),
            LotShape=shape,
            LotFrontage=np.clip(np.round(0.62 * np.sqrt(lot) + 9 + 13 * self.normal()), 21, 313),
            LotConfig=self.pick({"Inside": 72, "Corner": 18, "CulDSac": 6.4, "FR2": 3.2, "FR3": 0.3}),
            LandContour=self.pick({"Lvl": 90, "Bnk": 4.3, "HLS": 3.4, "Low": 2.5}),
            LandSlope=self.pick({"Gtl": 94.6, "Mod": 4.5, "Sev": 0.9}),
            Street=self.pick({"Pave": 99.6, "Grvl": 0.4}),
            Utilities=np.where(np.arange(count) == 944, "NoSeWa", "AllPub").astype(object),
            Condition1=self.pick(
                {
                    "Norm": 86.3,
                    "Feedr": 5.5,
                    "Artery": 3.3,
                    "RRAn": 1.8,
                    "PosN": 1.3,
                    "RRAe": 0.8,
                    "PosA": 0.6,
                    "RRNn": 0.3,
                }
            ),
            Condition2=self.pick(
                {"Norm": 99.0, "Feedr": 0.4, "Artery": 0.2, "PosN": 0.2, "RRNn": 0.1, "PosA": 0.1}
            ),
        )
        alley = np.where(self.happens(0.5), "Grvl", "Pave").astype(object)
        alley[~(self.happens(0.4) & (year < 1935))] = "NA"
        self.set(Alley=alley)

    def build(self) -> None:
        """Walls, floors and rooms."""
        year, luxury = self["YearBuilt"], self.luxury
        area = np.exp(7.17 + self.size + 0.085 * (luxury - 6) + 0.05 * self.normal())
        area = np.clip(np.round(area), 334, 4500)
        storeys = self.ranked(
            self.size + 0.30 * self.normal() + 0.10 * (year > 1990),
            ["1Story", "SLvl", "SFoyer", "1.5Unf", "1.5Fin", "2Story", "2.5Unf", "2.5Fin"],
            [49.7, 4.5, 2.5, 1.0, 10.5, 30.5, 0.8, 0.5],
        )
        upstairs = np.select(
            [storeys == "2Story", np.char.startswith(storeys.astype(str), "2.5")], [0.48, 0.55], 0.0
        )
        upstairs[storeys == "1.5Fin"] = 0.36
        second = np.round(area * np.clip(upstairs + 0.05 * (upstairs > 0) * self.normal(), 0, 0.7))
        low_quality = np.where(self.happens(0.018), np.round(0.2 * area), 0)
        first = area - second - low_quality
        basement = np.round(first * np.clip(0.93 + 0.11 * self.normal(), 0.3, 1.3))
        comfort = luxury + 0.02 * (year - 1970) + 1.5 * self.normal()
        basement[self.ranked(comfort, ["none", "some"], [2.6, 97.4]) == "none"] = 0
        finished = np.where(self.happens(0.68), basement * self.rng.beta(2.2, 1.6, self.count), 0).round()
        also = np.where(self.happens(0.12) & (finished > 0), (basement - finished) * 0.4, 0).round()
        quality = np.clip(np.round(luxury), 1, 10)
        remodelled = np.where(
            self.happens(0.55) & (year < 2000), year + (2010 - year) * self.rng.beta(3, 1.4, self.count), year
        )
        remodelled = np.clip(np.round(remodelled), 1950, 2010)
        condition = np.where(year > 1995, 5, np.clip(np.round(5.75 + 1.25 * self.normal()), 1, 9))
        building = self.pick({"1Fam": 83.5, "TwnhsE": 7.8, "Duplex": 3.6, "Twnhs": 3.0, "2fmCon": 2.1})
        building[np.isin(self["Neighborhood"], ["MeadowV", "BrDale", "Blmngtn", "NPkVill"])] = "TwnhsE"
        self.set(
            HouseStyle=storeys,
            BldgType=building,
            OverallQual=quality,
            OverallCond=condition,
            YearRemodAdd=remodelled,
            GrLivArea=area,
            LowQualFinSF=low_quality,
            TotalBsmtSF=basement,
            BsmtFinSF1=finished,
            BsmtFinSF2=also,
            BsmtUnfSF=basement - finished - also,
            FullBath=np.clip(
                np.round(0.6 + 0.00055 * area + 0.012 * (year - 1970) + 0.3 * self.normal()), 0, 3
            ),
            HalfBath=np.where(self.happens(0.2 + 0.45 * (second > 0)), 1, 0),
            BedroomAbvGr=np.clip(np.round(1.35 + 0.001 * area + 0.55 * self.normal()), 0, 8),
            KitchenAbvGr=np.where(np.isin(building, ["Duplex", "2fmCon"]) & self.happens(0.8), 2, 1),
            BsmtFullBath=np.where(self.happens(0.6) & (finished > 200), 1, 0),
            BsmtHalfBath=np.where(self.happens(0.1) & (finished > 100), 1, 0),
            Fireplaces=np.clip(
                np.round(-0.35 + 0.0005 * area + 0.10 * (luxury - 5) + 0.5 * self.normal()), 0, 3
            ),
            **{"1stFlrSF": first, "2ndFlrSF": second},
        )
        rooms = np.round(2.3 + 0.0014 * area + 0.7 * self["BedroomAbvGr"] + 0.6 * self.normal())
        self.set(TotRmsAbvGrd=np.clip(rooms, 2, 14), MSSubClass=_dwelling_types(storeys, building, year))

    def furnish(self) -> None:
        """Materials and qualities; what a house lacks is NA."""
        year, luxury = self["YearBuilt"], self.luxury
        modern = 0.035 * (year - 1971) + 0.5 * self.normal()
        self._outside(modern)
        no_basement = self["TotalBsmtSF"] == 0
        self.set(
            Foundation=self.ranked(
                modern, ["Stone", "BrkTil", "CBlock", "Wood", "PConc"], [0.4, 10, 43.4, 0.2, 46]
            ),
            BsmtQual=self.ranked(
                luxury + 0.8 * modern + 0.5 * self.normal(), GRADES[1:], [2.5, 45.5, 43.5, 8.5]
            ),
            BsmtCond=self.pick({"Po": 0.2, "Fa": 3.1, "TA": 92.1, "Gd": 4.6}),
            BsmtExposure=self.ranked(
                0.5 * luxury + self.normal(), ["No", "Mn", "Av", "Gd"], [67, 8, 15.5, 9.5]
            ),
            BsmtFinType1=self.pick({"GLQ": 42, "ALQ": 22, "BLQ": 15, "Rec": 13.4, "LwQ": 7.6}),
            BsmtFinType2=self.pick({"Rec": 33, "LwQ": 28, "BLQ": 20, "ALQ": 11, "GLQ": 8}),
            Heating=self.pick(
                {"GasA": 97.9, "GasW": 1.2, "Grav": 0.4, "Wall": 0.3, "OthW": 0.1, "Floor": 0.1}
            ),
            HeatingQC=self.ranked(
                modern + 0.4 * luxury + self.normal(),
                ["Po", "Fa", "TA", "Gd", "Ex"],
                [0.1, 3.3, 29.3, 16.5, 50.8],
            ),
            CentralAir=self.ranked(modern + 0.3 * luxury + 0.8 * self.normal(), ["N", "Y"], [6.5, 93.5]),
            Electrical=self.ranked(
                modern + self.normal(), ["FuseP", "FuseF", "FuseA", "SBrkr"], [0.3, 1.8, 6.4, 91.5]
            ),
            KitchenQual=self.ranked(
                luxury + 0.4 * modern + 0.6 * self.normal(), GRADES[1:], [2.7, 50.3, 40.1, 6.9]
            ),
            Functional=self.pick(
                {"Typ": 93.2, "Min2": 2.3, "Min1": 2.1, "Mod": 1.0, "Maj1": 1.0, "Maj2": 0.3, "Sev": 0.1}
            ),
            FireplaceQu=self.ranked(luxury + self.normal(), GRADES, [2.5, 4.3, 40.7, 49.4, 3.1]),
        )
        self["BsmtFinType1"][self["BsmtFinSF1"] == 0] = "Unf"
        self["BsmtFinType2"][self["BsmtFinSF2"] == 0] = "Unf"
        for name in ("BsmtQual", "BsmtCond", "BsmtExposure", "BsmtFinType1", "BsmtFinType2"):
            self[name][no_basement] = "NA"
        self["FireplaceQu"][self["Fireplaces"] == 0] = "NA"
        self._garage(modern)
        self._garden()

    def _outside(self, modern: np.ndarray) -> None:
        luxury = self.luxury
        old = {
            "MetalSd": 24,
            "Wd Sdng": 24,
            "HdBoard": 24,
            "Plywood": 13,
            "BrkFace": 6,
            "WdShing": 3,
            "Stucco": 3,
            "AsbShng": 2.5,
            "BrkComm": 0.2,
            "CBlock": 0.1,
        }
        new = {
            "VinylSd": 76,
            "CemntBd": 10,
            "MetalSd": 4,
            "HdBoard": 6,
            "BrkFace": 2,
            "Stone": 0.3,
            "ImStucc": 0.1,
        }
        first = np.where(modern > 0.45, self.pick(new), self.pick(old))
        also = {"CemntBd": "CmentBd", "WdShing": "Wd Shng", "BrkComm": "Brk Cmn"}
        second = np.where(self.happens(0.09), self.pick(old), first)
        area = np.round(np.exp(5.0 + 0.15 * (luxury - 6) + 0.75 * self.normal()))
        veneer = self.ranked(
            luxury + 1.3 * self.normal(), ["BrkCmn", "None", "BrkFace", "Stone"], [1, 59.5, 30.7, 8.8]
        )
        self.set(
            Exterior1st=first,
            Exterior2nd=np.array([also.get(name, name) for name in second], object),
            MasVnrType=veneer,
            MasVnrArea=np.where(veneer == "None", 0, np.clip(area, 16, 1600)),
            ExterQual=self.ranked(
                luxury + 0.6 * modern + 0.4 * self.normal(), GRADES[1:], [1, 62, 33.4, 3.6]
            ),
            ExterCond=self.pick({"Po": 0.1, "Fa": 1.9, "TA": 87.8, "Gd": 10, "Ex": 0.2}),
            RoofStyle=self.pick(
                {"Gable": 78.1, "Hip": 19.6, "Flat": 0.9, "Gambrel": 0.8, "Mansard": 0.5, "Shed": 0.1}
            ),
            RoofMatl=self.pick(
                {
                    "CompShg": 98.2,
                    "Tar&Grv": 0.8,
                    "WdShngl": 0.4,
                    "WdShake": 0.3,
                    "Metal": 0.1,
                    "Membran": 0.1,
                    "Roll": 0.1,
                }
            ),
        )

    def _garage(self, modern: np.ndarray) -> None:
        wealth = self.luxury + 0.7 * modern + 1.2 * self.size
        cars = self.ranked(
            wealth + 0.75 * self.normal(), [0, 1, 2, 3, 4], [5.4, 25.3, 56.6, 12.4, 0.3]
        ).astype(float)
        none = cars == 0
        attached = self.ranked(
            modern + 0.6 * self.luxury + 0.9 * self.normal(),
            ["CarPort", "Detchd", "2Types", "Basment", "Attchd", "BuiltIn"],
            [0.7, 28, 0.4, 1.4, 63.1, 6.4],
        )
        year = np.clip(
            np.maximum(self["YearBuilt"], self["YearBuilt"] + np.round(15 * self.normal() - 12)), 1900, 2010
        )
        self.set(
            GarageCars=cars,
            GarageArea=np.where(none, 0, np.round(np.clip(95 + 210 * cars + 75 * self.normal(), 160, 1418))),
            GarageType=attached,
            GarageYrBlt=np.where(none, np.nan, year),
            GarageFinish=self.ranked(
                modern + 0.5 * self.luxury + 0.5 * self.normal(), ["Unf", "RFn", "Fin"], [44, 30.5, 25.5]
            ),
            GarageQual=self.pick({"Po": 0.2, "Fa": 3.5, "TA": 95.1, "Gd": 1, "Ex": 0.2}),
            GarageCond=self.pick({"Po": 0.5, "Fa": 2.5, "TA": 96.2, "Gd": 0.7, "Ex": 0.1}),
            PavedDrive=self.ranked(modern + 0.5 * self.normal(), ["N", "P", "Y"], [6.2, 2, 91.8]),
        )
        for name in ("GarageType", "GarageFinish", "GarageQual", "GarageCond"):
            self[name][none] = "NA"

    def _garden(self) -> None:
        def some(share: float, mean: float, most: float) -> np.ndarray:
            area = np.round(mean * np.exp(0.5 * self.normal()))
            return np.where(self.happens(share), np.clip(area, 10, most), 0)

        pool, old = self.happens(0.0045), self["YearBuilt"] < 1945
        self.set(
            WoodDeckSF=some(0.48, 175, 857),
            OpenPorchSF=some(0.55, 75, 547),
            EnclosedPorch=np.where(old, some(0.35, 130, 552), some(0.05, 130, 552)),
            ScreenPorch=some(0.08, 170, 480),
            PoolArea=np.where(pool, np.round(560 + 60 * self.normal()), 0),
            PoolQC=np.where(pool, self.pick({"Fa": 2, "Gd": 3, "Ex": 2}), "NA").astype(object),
            Fence=self.pick({"NA": 80.8, "MnPrv": 10.8, "GdPrv": 4, "GdWo": 3.7, "MnWw": 0.7}),
            MiscFeature=self.pick({"NA": 96.3, "Shed": 3.3, "Gar2": 0.2, "Othr": 0.2}),
            **{"3SsnPorch": some(0.016, 200, 508)},
        )
        value = np.round(450 * np.exp(0.5 * self.normal()), -1)
        self.set(MiscVal=np.where(self["MiscFeature"] == "NA", 0, value))

    def sell(self) -> None:
        """The sale and the price."""
        new = self["YearBuilt"] >= 2006
        fresh = new & self.happens(0.75)
        kind = self.pick(
            {
                "WD": 94.6,
                "COD": 3.3,
                "ConLD": 0.7,
                "ConLI": 0.4,
                "ConLw": 0.4,
                "CWD": 0.3,
                "Oth": 0.2,
                "Con": 0.1,
            }
        )
        condition = self.pick({"Normal": 89.8, "Abnorml": 7.6, "Family": 1.5, "Alloca": 0.8, "AdjLand": 0.3})
        sold = np.maximum(self.rng.integers(2006, 2011, self.count), self["YearBuilt"])
        self.set(
            SaleType=np.where(fresh, "New", kind).astype(object),
            SaleCondition=np.where(fresh, "Partial", condition).astype(object),
            MoSold=np.clip(np.round(6.3 + 2.7 * self.normal()), 1, 12),
            YrSold=sold,
        )
        self._one_outlier()
        log_price = 0.56 * np.log(self["GrLivArea"]) + 0.085 * np.log(self["LotArea"]) + self.premium
        for name, slope in SLOPES.items():
            log_price += slope * self[name]
        for name, steps in EFFECTS.items():
            log_price += np.array([steps.get(category, 0.0) for category in self[name]])
        log_price *= SPREAD / log_price.std()
        log_price += np.clip(0.085 * self.rng.standard_t(4, self.count), -0.75, 0.45)
        price = MEDIAN_PRICE * np.exp(log_price - np.median(log_price))
        price[OUTLIER - 1] = 160_000
        self.set(SalePrice=np.clip(np.round(price / 500) * 500, 34_900, 755_000))

    def _one_outlier(self) -> None:
        """A huge, excellent house in a cheap street, sold before it was finished."""
        facts = dict(
            Neighborhood="Edwards",
            MSZoning="RL",
            LotArea=63_000,
            OverallQual=10,
            OverallCond=5,
            YearBuilt=2008,
            YearRemodAdd=2008,
            GrLivArea=5_640,
            TotalBsmtSF=6_100,
            BsmtFinSF1=5_600,
            BsmtFinSF2=0,
            BsmtUnfSF=500,
            LowQualFinSF=0,
            HouseStyle="2Story",
            MSSubClass=60,
            ExterQual="Ex",
            KitchenQual="Ex",
            BsmtQual="Ex",
            TotRmsAbvGrd=12,
            Fireplaces=3,
            GarageCars=2,
            GarageArea=1_418,
            SaleType="New",
            SaleCondition="Partial",
            YrSold=2008,
            **{"1stFlrSF": 4_690, "2ndFlrSF": 950},
        )
        for name, value in facts.items():
            self[name][OUTLIER - 1] = value

    def forget(self) -> None:
        """What nobody wrote down: in the test table a little of nearly everything."""
        frontage = 0.12 + 0.18 * (self["LotShape"] != "Reg") + 0.25 * (self["LotConfig"] == "CulDSac")
        self["LotFrontage"][self.happens(frontage)] = np.nan
        veneer = self.happens(0.007)
        veneer[OUTLIER - 1] = False
        self["MasVnrType"][veneer], self["MasVnrArea"][veneer] = "NA", np.nan
        self["Electrical"][1379] = "NA"
        self["BsmtExposure"][948] = self["BsmtFinType2"][332] = "NA"
        rest = TRAIN_ROWS + self.rng.choice(TEST_ROWS, 40, replace=False)
        for name, places in {
            "MSZoning": rest[:4],
            "Utilities": rest[4:6],
            "Exterior1st": rest[6:7],
            "Exterior2nd": rest[6:7],
            "KitchenQual": rest[7:8],
            "Functional": rest[8:10],
            "SaleType": rest[10:11],
            "GarageFinish": rest[11:13],
            "GarageQual": rest[11:13],
            "GarageCond": rest[11:13],
        }.items():
            self[name][places] = "NA"
        for name, places in {
            "BsmtFinSF1": rest[13:14],
            "BsmtFinSF2": rest[13:14],
            "BsmtUnfSF": rest[13:14],
            "TotalBsmtSF": rest[13:14],
            "BsmtFullBath": rest[14:16],
            "BsmtHalfBath": rest[14:16],
            "GarageCars": rest[11:12],
            "GarageArea": rest[11:12],
            "GarageYrBlt": rest[11:13],
        }.items():
            self.columns[name] = self[name].astype(float)
            self[name][places] = np.nan


def _dwelling_types(storeys: np.ndarray, building: np.ndarray, year: np.ndarray) -> np.ndarray:
    """MSSubClass: a code for style, age and kind of building; a number that is a name."""
    by_style = {
        "1Story": 20,
        "SLvl": 80,
        "SFoyer": 85,
        "1.5Unf": 45,
        "1.5Fin": 50,
        "2Story": 60,
        "2.5Unf": 75,
        "2.5Fin": 75,
    }
    codes = np.array([by_style[style] for style in storeys], float)
    codes[(storeys == "1Story") & (year < 1946)] = 30
    codes[(storeys == "2Story") & (year < 1946)] = 70
    codes[building == "Duplex"] = 90
    codes[building == "2fmCon"] = 190
    codes[np.isin(building, ["TwnhsE", "Twnhs"])] = 120
    codes[np.isin(building, ["TwnhsE", "Twnhs"]) & (storeys == "2Story")] = 160
    return codes
