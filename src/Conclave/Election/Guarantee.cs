namespace Conclave;

/// <summary>What an election promises.</summary>
public enum Guarantee
{
    /// <summary>
    /// Two candidates never lead at once while their processes run and their clocks' rates stay within the stated margin; against processes that were stopped, the
    /// fencing token holds without any such condition.
    /// </summary>
    Exclusive,

    /// <summary>A partition or a lost backend can give two leaders. Chosen by who would rather have two than none.</summary>
    BestEffort,
}
