"""Settings are checked, and unknown ones are told with a suggestion."""

import itertools
from dataclasses import asdict

import pytest
import torch

from fpncompiler.training.optimization import Average, create_optimizer, create_schedule
from fpncompiler.training.recipe import Recipe, RecipeError, recipe_from, recipe_of, table
from tests.evaluation.tiny import tiny_detector


def test_settings_change_a_recipe_and_options_win():
    recipe = recipe_of("small", ["epochs=3", "ema_decay=0", "optimizer=lion"], epochs=5, seed=None)
    assert (recipe.epochs, recipe.ema_decay, recipe.optimizer, recipe.seed) == (5, 0, "lion", 0)
    assert recipe_from(asdict(recipe)) == recipe


def test_the_paper_has_its_own_settings():
    recipe = recipe_of("paper")
    assert (recipe.optimizer, recipe.learning_rate, recipe.batch_size) == ("sgd", 0.16, 128)
    assert (recipe.scale_min, recipe.scale_max, recipe.ema_decay) == (0.1, 2.0, 0.9998)


@pytest.mark.parametrize(
    ("setting", "message", "help"),
    [
        ("lerning_rate=1", "no setting `lerning_rate`", "did you mean `learning_rate`?"),
        ("qqqq=1", "no setting `qqqq`", "settings: epochs, batch_size"),
        ("epochs", "`epochs` is no setting", "write key=value"),
        ("epochs=two", "this is no whole number", "from 1 to 100000"),
        ("epochs=0", "epochs=0 is out of bounds", "from 1"),
        ("epochs=1.5", "this is no whole number", "times through"),
        ("learning_rate=fast", "this is no number", "the highest"),
        ("learning_rate=nan", "out of bounds", "from 0"),
        ("learning_rate=inf", "out of bounds", "to 1000"),
        ("mixed_precision=fp8", "no such choice", "no, bf16, fp16"),
        ("ignore_crowds=yes", "write true or false", ""),
        ("scale_min=3", "scale_min=3 is above scale_max=1.5", ""),
        ("accumulate=3", "batch_size=8 is no multiple of accumulate=3", ""),
    ],
)
def test_wrong_settings_are_refused(setting, message, help):
    with pytest.raises(RecipeError) as error:
        recipe_of("small", [setting])
    assert message in str(error.value)
    assert help in error.value.help


def test_wrong_recipes_are_refused():
    with pytest.raises(RecipeError, match="no recipe `huge`"):
        recipe_of("huge")
    with pytest.raises(RecipeError, match="no setting `depth`"):
        recipe_from({"depth": 3})
    with pytest.raises(RecipeError, match="this is no number of its kind"):
        recipe_from({"epochs": True})
    with pytest.raises(RecipeError, match="this is no str"):
        recipe_from({"optimizer": 3})


def test_the_table_has_every_setting():
    rows = {key: (default, what) for key, default, what in table()}
    assert [*rows] == [*asdict(Recipe())]
    assert rows["learning_rate"][0] == "0.002"
    assert rows["ignore_crowds"][0] == "false"
    assert all(what for _, what in rows.values())


def test_the_rate_grows_in_a_line_and_falls_with_a_cosine():
    model = torch.nn.Linear(2, 2)
    recipe = Recipe(epochs=10, warmup_epochs=2.0, learning_rate=1.0, backbone_rate=0.5)
    optimizer = create_optimizer(model, recipe)
    schedule = create_schedule(optimizer, recipe, 10)
    rates = []
    for step in range(100):
        schedule.step_update(step)
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates[0] == pytest.approx(0.05)
    assert rates[10] == pytest.approx(0.525)
    assert max(rates) == pytest.approx(1.0)
    assert rates.index(max(rates)) == 20
    assert rates[60] == pytest.approx(0.5)
    assert rates[-1] == pytest.approx(0.0, abs=1e-3)
    assert all(a > b for a, b in itertools.pairwise(rates[20:]))


def test_weights_of_one_dimension_do_not_decay():
    model = tiny_detector().model
    optimizer = create_optimizer(model, Recipe(backbone_rate=0.1, learning_rate=1e-3))
    for group in optimizer.param_groups:
        decays = {parameter.ndim > 1 for parameter in group["params"]}
        assert decays == {group["weight_decay"] > 0}
    assert {group["lr"] for group in optimizer.param_groups} == {1e-3, 1e-4}
    counted = sum(len(group["params"]) for group in optimizer.param_groups)
    assert counted == len(list(model.parameters()))


def test_an_unknown_optimizer_is_refused():
    with pytest.raises(RecipeError, match="optimizer=adamm"):
        create_optimizer(torch.nn.Linear(2, 2), Recipe(optimizer="adamm"))


def test_the_average_follows_tensorflows_formula():
    model = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(model.weight)
    average = Average(model, 0.6)
    expected = 0.0
    for step in range(20):
        with torch.no_grad():
            model.weight.fill_(step + 1)
        average.update(model, step)
        decay = min(0.6, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * (step + 1)
    assert average.module.weight.item() == pytest.approx(expected, rel=1e-5)
