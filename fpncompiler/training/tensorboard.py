"""A run as events that TensorBoard shows."""

from pathlib import Path

from fpncompiler.training.progress import Epoch, Silent, Step, TrainingError


class Events(Silent):
    """Writes losses of each step and figures of each epoch.

    Raises:
        TrainingError: TensorBoard, which is an extra, is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            message = "TensorBoard is not installed"
            raise TrainingError(message, "pip install 'fpnc[tensorboard]'") from error
        self.writer = SummaryWriter(str(folder))

    def on_step(self, step: Step) -> None:
        """Losses, rate and norm of the gradients."""
        values = {
            "loss/total": step.loss,
            "loss/classes": step.class_loss,
            "loss/boxes": step.box_loss,
            "learning_rate": step.learning_rate,
            "gradient_norm": step.gradient_norm,
            "seconds": step.seconds,
        }
        for name, value in values.items():
            self.writer.add_scalar(name, value, step.step)

    def on_epoch(self, epoch: Epoch) -> None:
        """Figures of the evaluation."""
        for name, value in epoch.figures.items():
            if value is not None:
                self.writer.add_scalar(f"val/{name}", value, epoch.step)
        self.writer.flush()
