"""Operations that only the engine can do: a shelf of kinds, and the hand that carries them out.

Everything is looked up afresh every time, because self-healing replaces containers under a fault's
feet, and because the engine itself may have been restarted since.
"""

from chaoskit.target.surgery.hand import EngineHand

__all__ = ["EngineHand"]
