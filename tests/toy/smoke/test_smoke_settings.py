"""Settings that are not the production's own."""

from __future__ import annotations

from lstluigi.toy.smoke.settings import for_few_events, of_an_earlier_production

FEW = ["--DL3Cuts.min_event_p_en_bin", "5"]


def test_cuts_need_few_events_whatever_the_step_says() -> None:
    own = ["--point-like", "--DL3Cuts.min_event_p_en_bin=100"]
    assert for_few_events("dl2_to_irfs", own) == ["--point-like", *FEW]
    apart = ["--DL3Cuts.min_event_p_en_bin", "100", "--point-like"]
    assert for_few_events("dl2_to_irfs", apart) == ["--point-like", *FEW]


def test_other_stages_have_their_own_arguments() -> None:
    assert for_few_events("merge_dl1", ["--no-image"]) == ["--no-image"]


def test_an_earlier_production_is_not_tuned() -> None:
    tuned = {"image_modifier": {"increase_nsb": True, "extra": 1.2}, "tailcut": {"a": 1}}
    found = dict(of_an_earlier_production(tuned, forests=True))
    modifier = found.pop("image_modifier")
    assert found == {}
    assert modifier["extra"] == 1.2
    assert not modifier["increase_nsb"]
    assert tuned["image_modifier"]["increase_nsb"] is True


def test_forests_matter_only_where_models_are_made() -> None:
    content = {"random_forest_energy_regressor_args": {"max_features": "auto"}}
    assert dict(of_an_earlier_production(content, forests=False)) == {}
    (forest,) = dict(of_an_earlier_production(content, forests=True)).values()
    assert "max_features" not in forest
