namespace Fleet.Detector;

/// <summary>Up (1) while the fast average is above the slow one, down (-1) below, 0 before there are enough samples.</summary>
internal sealed class MovingAverageCross(int fast, int slow)
{
    private readonly Queue<decimal> _samples = new();

    public int Signal { get; private set; }

    public int Add(decimal price)
    {
        _samples.Enqueue(price);
        if (_samples.Count > slow)
        {
            _samples.Dequeue();
        }

        return Signal = _samples.Count < slow ? 0 : Math.Sign(_samples.TakeLast(fast).Average() - _samples.Average());
    }
}
